import { randomUUID } from "node:crypto";
import type { LaunchPhase } from "../domain/lifecycle/launch.ts";
import type { OperationKind, OperationRequest } from "../domain/lifecycle/operation.ts";
import { Problem } from "../domain/problem.ts";
import type { Certificate } from "../domain/sync.ts";
import type { Failpoint } from "./failpoint.ts";
import { decideForce, type Force } from "./force.ts";
import type { JobReader } from "./jobs.ts";
import { type Log, operationLog } from "./log.ts";
import type { Clock, LaunchStore, NewOperation, OperationFilter, OperationStore, RunStore } from "./ports.ts";
import type { JobRow, OperationRow, RunRow } from "./rows.ts";

export interface OperationDeps {
  store: OperationStore;
  runs: RunStore;
  launches: LaunchStore;
  jobs: JobReader;
  clock: Clock;
  /** phase of an application; null before the first look at it */
  phaseOf: (application: string) => LaunchPhase | null;
  onRequest: () => void;
  failpoint: Failpoint;
  log: Log;
}

/** A request as it comes; without a timeout, that of the job's spec holds. */
export type NewRequest = Omit<OperationRequest, "timeoutMs"> & { timeoutMs: number | null };

export interface Asked {
  by: string;
  requestId: string | null;
  idempotencyKey: string | null;
}

/** An operation as it is told; `certificate` is that of the run it stopped. */
export interface OperationAnswer extends OperationRow {
  certificate: Certificate | null;
}

const LOOK_AGAIN_MS = 100;

/** Takes requests to start, stop and restart jobs; the reconciler carries them out. */
export class Operations {
  private readonly deps: OperationDeps;

  constructor(deps: OperationDeps) {
    this.deps = deps;
  }

  /**
   * Records what is asked for and answers at once. The newest request wins: one that is still under way for the same
   * job is superseded, unless it asks for the same, in which case it is the answer.
   * @throws Problem `unknown_job`; `conflict` when the idempotency key was used for something else, or force is out of
   *   place; `kills_other_jobs`
   */
  async request(kind: OperationKind, id: string, wish: NewRequest, asked: Asked): Promise<OperationRow> {
    const { jobs, store, runs, launches, phaseOf, failpoint, onRequest, log } = this.deps;
    const job = await jobs.find(id);
    const request = { ...wish, timeoutMs: wish.timeoutMs ?? job.spec.drainTimeoutMs };
    const repeated = await this.repeated(kind, id, asked.idempotencyKey);
    if (repeated !== null) return repeated;
    const pending = (await store.open()).find((operation) => operation.job === id);
    const openRuns = await runs.openRuns();
    const run = openRuns.find((open) => open.job === id);
    const asksTheSame =
      pending?.kind === kind && pending.request.mode === request.mode && pending.request.force === request.force;
    if (asksTheSame && !isOvertaken(pending, job, run)) return pending;
    const hasRun = run !== undefined;
    const host = (await launches.open()).find((launch) =>
      hasRun ? launch.id === run.launch : launch.application === job.application,
    );
    const application = host?.application ?? job.application;
    const phase = phaseOf(application);
    const force = decideForce({
      kind,
      job: { ...job, application },
      request,
      openRuns,
      phase,
      launch: host?.id ?? null,
    });
    const operation = await this.save(this.compose(kind, job, hasRun, request, force, asked));
    failpoint("operation-requested");
    if (pending !== undefined) operationLog(log, pending).info({ supersededBy: operation.id }, "operation superseded");
    operationLog(log, operation).info({ mode: request.mode, state: operation.state }, "operation requested");
    onRequest();
    return operation;
  }

  /** @throws Problem `unknown_operation` */
  async find(id: string): Promise<OperationAnswer> {
    const operation = await this.deps.store.find(id);
    if (operation !== null) return this.withCertificate(operation);
    throw new Problem({
      status: 404,
      code: "unknown_operation",
      title: "No such operation",
      detail: `There is no operation ${id}.`,
      next: "GET /v1/operations lists them.",
    });
  }

  async list(filter: OperationFilter, limit: number, before: string | null): Promise<OperationAnswer[]> {
    const rows = await this.deps.store.list(filter, limit, before);
    return Promise.all(rows.map((operation) => this.withCertificate(operation)));
  }

  /** Waits until an operation has ended, at most `ms` milliseconds. @returns it as it is then */
  async waitFor(id: string, ms: number, signal: AbortSignal): Promise<OperationAnswer> {
    const until = this.deps.clock.now().getTime() + ms;
    let operation = await this.find(id);
    while (operation.endedAt === null && this.deps.clock.now().getTime() < until && !signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
      operation = await this.find(id);
    }
    return operation;
  }

  private async withCertificate(operation: OperationRow): Promise<OperationAnswer> {
    const { job, kind, state } = operation;
    if (job === null || kind === "start" || state !== "succeeded") return { ...operation, certificate: null };
    const [run] = await this.deps.runs.list(job, 1, operation.fromEpoch + 1);
    // A stop of a stopped job ended no run.
    return { ...operation, certificate: run?.operation === operation.id ? run.certificate : null };
  }

  private async repeated(kind: OperationKind, job: string, key: string | null): Promise<OperationRow | null> {
    if (key === null) return null;
    const before = await this.deps.store.findByKey(key);
    if (before === null || (before.kind === kind && before.job === job)) return before;
    throw idempotencyConflict(before);
  }

  private compose(
    kind: OperationKind,
    job: JobRow,
    hasRun: boolean,
    request: OperationRequest,
    force: Force,
    asked: Asked,
  ): NewOperation {
    const isDone =
      force.declareDead === null &&
      ((kind === "start" && job.desired === "running" && job.state === "RUNNING") ||
        (kind === "stop" && job.desired === "stopped" && job.state === "STOPPED" && !hasRun));
    const now = this.deps.clock.now().toISOString();
    // A restart stops first, where there is something to stop; the reconciler then turns it round.
    const desired = kind === "stop" || (kind === "restart" && hasRun) ? "stopped" : "running";
    return {
      id: randomUUID(),
      kind,
      job: job.id,
      request,
      idempotencyKey: asked.idempotencyKey,
      desired: isDone ? null : desired,
      done: isDone ? { step: kind === "start" ? "was running already" : "was stopped already", at: now } : null,
      ...force,
      audit: {
        actor: asked.by,
        action: `job.${kind}`,
        target: job.id,
        requestId: asked.requestId,
        before: { desired: job.desired, state: job.state },
        after: { desired: isDone ? job.desired : desired, ...request },
      },
    };
  }

  /** Two requests with one key may arrive at the same time: the database lets one in, the other finds it. */
  private async save(operation: NewOperation): Promise<OperationRow> {
    try {
      return await this.deps.store.request(operation);
    } catch (error) {
      const winner = await this.repeated(operation.kind, operation.job, operation.idempotencyKey);
      if (winner !== null) return winner;
      throw error;
    }
  }
}

/** A restart has already begun a run, and with a spec that has changed since: what is asked for now is another one. */
function isOvertaken({ kind, fromEpoch }: OperationRow, job: JobRow, run: RunRow | undefined): boolean {
  return kind === "restart" && run !== undefined && run.epoch > fromEpoch && run.specRevision !== job.revision;
}

/** The key of a request belongs to another one. */
export function idempotencyConflict({ id, kind, job, application }: OperationRow): Problem {
  return new Problem({
    status: 409,
    code: "conflict",
    title: "This Idempotency-Key was used for another request",
    detail: `It belongs to ${kind} of ${job ?? application} (operation ${id}).`,
    next: "Use a new key for a new request.",
  });
}
