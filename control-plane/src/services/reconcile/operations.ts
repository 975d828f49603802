import { decideApplicationRestart } from "../../domain/lifecycle/application-restart.ts";
import { decideOperation, type OperationDecision } from "../../domain/lifecycle/operation.ts";
import type { Failpoint } from "../failpoint.ts";
import { type Log, operationLog } from "../log.ts";
import type { CatalogStore, Clock, OperationStore } from "../ports.ts";
import type { OperationRow } from "../rows.ts";
import type { ApplicationView } from "./applications.ts";
import type { JobView } from "./jobs.ts";

export interface OperationStepDeps {
  operations: OperationStore;
  catalog: CatalogStore;
  clock: Clock;
  log: Log;
  failpoint: Failpoint;
}

/** Leads operations to their ends by what has become of their jobs and applications. */
export class OperationSteps {
  private readonly deps: OperationStepDeps;

  constructor(deps: OperationStepDeps) {
    this.deps = deps;
  }

  /** Operations that have not ended. */
  open(): Promise<OperationRow[]> {
    return this.deps.operations.open();
  }

  /**
   * @param open read before the jobs and applications were
   * @returns whether some job's desired state was changed, so that another look is worth it at once
   */
  async step(open: OperationRow[], jobs: JobView[], applications: Map<string, ApplicationView>): Promise<boolean> {
    let changed = false;
    for (const operation of open) {
      const decision =
        operation.job === null
          ? this.decideApplication(operation, jobs, applications)
          : this.decideJob(operation, operation.job, jobs);
      if (decision === null) continue;
      await this.advance(operation, decision);
      changed ||= decision.setDesired !== null;
    }
    return changed;
  }

  private decideJob(operation: OperationRow, id: string, jobs: JobView[]): OperationDecision | null {
    const view = jobs.find((candidate) => candidate.job.id === id);
    if (view === undefined) return null;
    const { run, givenUp } = view;
    const { desired, state, reason, epoch } = view.job;
    return decideOperation({
      kind: operation.kind,
      createdAt: operation.createdAt,
      fromEpoch: operation.fromEpoch,
      job: { desired, state, reason, epoch, hasRun: run !== null, givenUp },
      now: this.deps.clock.now(),
    });
  }

  private decideApplication(
    operation: OperationRow,
    jobs: JobView[],
    applications: Map<string, ApplicationView>,
  ): OperationDecision | null {
    const view = applications.get(operation.application ?? "");
    if (view === undefined) return null;
    const { launch, decision } = view;
    const isOurs = (candidate: JobView) =>
      candidate.job.application === view.name || (candidate.run !== null && candidate.run.launch === launch?.id);
    return decideApplicationRestart({
      createdAt: operation.createdAt,
      ended: launch?.id !== operation.fromLaunch || launch?.endedAt !== null,
      phase: decision.phase,
      reason: decision.reason,
      jobs: jobs.filter(isOurs).map(({ job, run, givenUp }) => {
        const { id, desired, state, reason } = job;
        return { id, desired, state, reason, hasRun: run !== null, givenUp };
      }),
      now: this.deps.clock.now(),
    });
  }

  private async advance(operation: OperationRow, decision: OperationDecision): Promise<void> {
    const { operations, clock, log, failpoint } = this.deps;
    const isNews = operation.steps.at(-1)?.step !== decision.step;
    if (decision.state === operation.state && !isNews && decision.setDesired === null) return;
    const step = isNews ? { step: decision.step, at: clock.now().toISOString() } : null;
    await operations.advance(operation, decision.state, step, decision.setDesired);
    failpoint("operation-advanced");
    if (decision.state === "running") return;
    operationLog(log, operation).info({ state: decision.state, step: decision.step }, "operation ended");
  }
}
