import { randomUUID } from "node:crypto";
import type { OperationRequest } from "../domain/lifecycle/operation.ts";
import { DEFAULT_DRAIN_TIMEOUT_MS } from "../domain/specs/job-spec.ts";
import type { Asked, NewRequest, OperationRequests, RequestDecision, RequestFacts } from "./operation-requests.ts";
import type { Platform } from "./platform.ts";
import type { OperationRow } from "./rows.ts";

export interface ApplicationRestartDeps {
  platform: Platform;
  requests: OperationRequests;
}

/** Takes requests to restart applications: their jobs are stopped, the driver ends, and a new one gets the present spec. */
export class ApplicationRestarts {
  private readonly deps: ApplicationRestartDeps;

  constructor(deps: ApplicationRestartDeps) {
    this.deps = deps;
  }

  /**
   * Records what is asked for and answers at once. Without a timeout, the longest drain timeout of its jobs holds.
   * @throws Problem `unknown_application`, `idempotency_key_reused`
   */
  async request(name: string, wish: NewRequest, asked: Asked): Promise<OperationRow> {
    await this.deps.platform.findApplication(name);
    return this.deps.requests.take("restart", { application: name }, wish, asked, (facts) =>
      decide(facts, wish, asked),
    );
  }
}

function decide(facts: RequestFacts, wish: NewRequest, asked: Asked): RequestDecision {
  const { pending, application, jobs } = facts;
  if (pending?.request.mode === wish.mode && !isOvertaken(pending, facts)) return { answer: pending };
  const longest = Math.max(
    ...jobs.map((job) => job.spec.drainTimeoutMs),
    jobs.length > 0 ? 0 : DEFAULT_DRAIN_TIMEOUT_MS,
  );
  const request: OperationRequest = { ...wish, timeoutMs: wish.timeoutMs ?? longest };
  const audit = {
    actor: asked.by,
    action: "application.restart",
    target: application.name,
    requestId: asked.requestId,
    before: null,
    after: { ...request, specRevision: application.revision },
  };
  return { save: { id: randomUUID(), kind: "restart", request, done: null, effect: "restart", audit } };
}

/** A restart has already submitted a driver, and with a spec that has changed since. */
function isOvertaken({ fromLaunch }: OperationRow, { application, openLaunches }: RequestFacts): boolean {
  const open = openLaunches.find((launch) => launch.application === application.name);
  return (
    open !== undefined && open.id !== fromLaunch && open.spec !== null && open.specRevision !== application.revision
  );
}
