import { randomUUID } from "node:crypto";
import type { LaunchPhase } from "../domain/lifecycle/launch.ts";
import type { OperationKind, OperationRequest } from "../domain/lifecycle/operation.ts";
import { Problem } from "../domain/problem.ts";
import type { Certificate } from "../domain/sync.ts";
import { decideForce, type Force } from "./force.ts";
import type { JobReader } from "./jobs.ts";
import type {
  Asked,
  NewOperation,
  NewRequest,
  OperationRequests,
  RequestDecision,
  RequestFacts,
} from "./operation-requests.ts";
import type { Clock, OperationFilter, OperationStore, RunStore } from "./ports.ts";
import type { JobRow, OperationRow, RunRow } from "./rows.ts";

export interface OperationDeps {
  requests: OperationRequests;
  store: OperationStore;
  runs: RunStore;
  jobs: JobReader;
  clock: Clock;
  /** phase of an application; null before the first look at it */
  phaseOf: (application: string) => LaunchPhase | null;
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
   * @throws Problem `unknown_job`, `belongs_to_replay`, `idempotency_key_reused`, `kills_other_jobs`; `conflict` when force is out of place
   */
  async request(kind: OperationKind, id: string, wish: NewRequest, asked: Asked): Promise<OperationRow> {
    await this.deps.jobs.findOwn(id);
    return this.deps.requests.take(kind, { job: id }, wish, asked, (facts) => this.decide(kind, wish, asked, facts));
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

  private decide(kind: OperationKind, wish: NewRequest, asked: Asked, facts: RequestFacts): RequestDecision {
    const { openRuns, openLaunches, pending } = facts;
    const [job] = facts.jobs as [JobRow];
    const request = { ...wish, timeoutMs: wish.timeoutMs ?? job.spec.drainTimeoutMs };
    const run = openRuns.find((open) => open.job === job.id);
    const asksTheSame =
      pending?.kind === kind && pending.request.mode === request.mode && pending.request.force === request.force;
    if (asksTheSame && !isOvertaken(pending, job, run)) return { answer: pending };
    const host = openLaunches.find((launch) =>
      run === undefined ? launch.application === job.application : launch.id === run.launch,
    );
    const application = host?.application ?? job.application;
    const force = decideForce({
      kind,
      job: { ...job, application },
      request,
      openRuns,
      phase: this.deps.phaseOf(application),
      launch: host?.id ?? null,
    });
    return { save: this.compose(kind, job, run !== undefined, request, force, asked) };
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
      request,
      done: isDone ? { step: kind === "start" ? "was running already" : "was stopped already", at: now } : null,
      effect: { desired: isDone ? null : desired, ...force },
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
}

/** A restart has already begun a run, and with a spec that has changed since: what is asked for now is another one. */
function isOvertaken({ kind, fromEpoch }: OperationRow, job: JobRow, run: RunRow | undefined): boolean {
  return kind === "restart" && run !== undefined && run.epoch > fromEpoch && run.specRevision !== job.revision;
}
