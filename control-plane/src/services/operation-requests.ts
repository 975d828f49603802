import { createHash } from "node:crypto";
import type { DesiredState } from "../domain/lifecycle/job.ts";
import type { OperationKind, OperationRequest, OperationStep } from "../domain/lifecycle/operation.ts";
import { Problem } from "../domain/problem.ts";
import type { Failpoint } from "./failpoint.ts";
import { type Log, operationLog } from "./log.ts";
import type { ApplicationRow, AuditEntry, JobRow, LaunchRow, OperationRow, RunRow } from "./rows.ts";

/** What a request is about. */
export type Subject = { job: string } | { application: string };

/** A request as it comes; without a timeout, that of the spec holds. */
export type NewRequest = Omit<OperationRequest, "timeoutMs"> & { timeoutMs: number | null };

export interface Asked {
  by: string;
  requestId: string | null;
  idempotencyKey: string | null;
}

/** What is there when a request is decided. Its jobs are locked until the decision is saved, so it cannot be old. */
export interface RequestFacts {
  application: ApplicationRow;
  /** the job that the request is about, or those of the application */
  jobs: JobRow[];
  /** of all jobs: a kill takes others along */
  openRuns: RunRow[];
  /** of all applications */
  openLaunches: LaunchRow[];
  /** the operation about the same that is under way */
  pending: OperationRow | null;
}

/** A request is answered by an operation that is there, or becomes one. */
export type RequestDecision = { answer: OperationRow } | { save: NewOperation };

export interface NewOperation {
  id: string;
  kind: OperationKind;
  request: OperationRequest;
  /** the operation has nothing left to do */
  done: OperationStep | null;
  effect: JobEffect | "restart";
  audit: AuditEntry;
}

/** What an operation changes for its job at once. */
export interface JobEffect {
  /** the job's desired state from now on; null leaves it */
  desired: DesiredState | null;
  /** launch that has to end, whatever it is doing */
  kill: string | null;
  /** launch that an operator says is dead */
  declareDead: string | null;
}

export interface RequestKey {
  text: string;
  /** of the request that comes with it */
  hash: string;
}

export type Taken =
  | { outcome: "saved"; operation: OperationRow; superseded: OperationRow[] }
  /** the same was asked for before */
  | { outcome: "repeated"; operation: OperationRow }
  /** the key belongs to another request, which this operation answered */
  | { outcome: "keyReused"; operation: OperationRow };

export interface RequestStore {
  /**
   * In one transaction: locks what the request is about, lets `decide` see what is there, and saves what it decides: ends
   * the pending operation as superseded, changes what the new one changes, and writes the audit entry and the key. A key
   * that was used before is answered without a decision.
   * @param decide may be called again, when the transaction had to be repeated
   */
  take(subject: Subject, key: RequestKey | null, decide: (facts: RequestFacts) => RequestDecision): Promise<Taken>;
}

export interface OperationRequestDeps {
  store: RequestStore;
  onRequest: () => void;
  failpoint: Failpoint;
  log: Log;
}

/** Takes every request that becomes an operation: each is decided and saved at one moment, and a repeated one is one request. */
export class OperationRequests {
  private readonly deps: OperationRequestDeps;

  constructor(deps: OperationRequestDeps) {
    this.deps = deps;
  }

  /**
   * Records what is asked for and answers at once.
   * @throws Problem `idempotency_key_reused`, and what `decide` throws
   */
  async take(
    kind: OperationKind,
    subject: Subject,
    wish: NewRequest,
    asked: Asked,
    decide: (facts: RequestFacts) => RequestDecision,
  ): Promise<OperationRow> {
    const { store, failpoint, onRequest, log } = this.deps;
    const { idempotencyKey } = asked;
    const key = idempotencyKey === null ? null : { text: idempotencyKey, hash: hashOf(kind, subject, wish) };
    const taken = await store.take(subject, key, decide);
    const { operation } = taken;
    if (taken.outcome === "keyReused") throw idempotencyKeyReused(operation);
    if (taken.outcome === "repeated") return operation;
    failpoint("operation-requested");
    for (const old of taken.superseded) {
      operationLog(log, old).info({ supersededBy: operation.id }, "operation superseded");
    }
    operationLog(log, operation).info({ mode: operation.request.mode, state: operation.state }, "operation requested");
    onRequest();
    return operation;
  }
}

/** What makes two requests the same: not how they were written down, and not who sent them. */
function hashOf(kind: OperationKind, subject: Subject, { mode, timeoutMs, force }: NewRequest): string {
  const text = JSON.stringify([kind, subject, mode, timeoutMs, force]);
  return createHash("sha256").update(text).digest("hex");
}

function idempotencyKeyReused({ id, kind, job, application }: OperationRow): Problem {
  return new Problem({
    status: 422,
    code: "idempotency_key_reused",
    title: "This Idempotency-Key was used for another request",
    detail: `Nothing was changed: the key came with another request, which operation ${id} answered (${kind} of ${job ?? application}). One key is for one job or application, one action and one body.`,
    next: "Use a new key for a new request.",
  });
}
