import { Problem } from "../domain/problem.ts";
import type { SyncAnswer, SyncRequest } from "../domain/sync.ts";
import type { BatchDurations } from "./batch-durations.ts";
import type { Meter } from "./metrics.ts";
import type { EventStore, HeardEvent } from "./ports.ts";
import type { Presence } from "./presence.ts";
import type { Reconciler } from "./reconcile/reconciler.ts";
import type { RunnerCalls } from "./runner-calls.ts";
import type { SecondWitness } from "./second-witness.ts";

/** What is asked of a job waits for its runner to call: half of this, on average. */
const HEARTBEAT_MS = 250;

export interface RunnerSyncDeps {
  reconciler: Reconciler;
  calls: RunnerCalls;
  events: EventStore;
  durations: BatchDurations;
  meter: Meter;
  presence: Presence;
  witness: SecondWitness;
}

/** Answers the runners' calls (docs/contracts.md §3). */
export class RunnerSync {
  private readonly deps: RunnerSyncDeps;
  private readonly acknowledged = new Map<string, number>();

  constructor(deps: RunnerSyncDeps) {
    this.deps = deps;
  }

  /**
   * Takes what a runner says and tells it what should run.
   * @throws Problem `launch_superseded` when another launch took over, `not_ready` before the first look at the jobs
   */
  async sync(request: SyncRequest): Promise<SyncAnswer> {
    const { reconciler, calls, meter, presence } = this.deps;
    const plan = reconciler.plan(request.application);
    if (plan === null) {
      meter.synced("not_ready");
      throw new Problem({
        status: 503,
        code: "not_ready",
        title: "The control plane is starting",
        detail: "It does not know yet what should run; call again.",
      });
    }
    if (plan === undefined || plan.launchId !== request.launchId) {
      meter.synced("superseded");
      throw new Problem({
        status: 409,
        code: "launch_superseded",
        title: "This launch has been superseded",
        detail: `Launch ${request.launchId} of ${request.application} is not the current one: stop everything and exit.`,
      });
    }
    calls.note(request);
    const known = this.acknowledged.get(request.launchId);
    const acknowledged = request.events.length === 0 && known !== undefined ? known : await this.save(request);
    this.acknowledged.set(request.launchId, acknowledged);
    meter.synced("accepted");
    const { shutdown, assignments } = plan;
    const controlPlanes = presence.addresses();
    return { acknowledged, heartbeatMs: HEARTBEAT_MS, shutdown, controlPlanes, assignments };
  }

  private async save({ launchId, events }: SyncRequest): Promise<number> {
    const { newest, fresh } = await this.deps.events.save(launchId, events);
    for (const event of fresh) {
      this.measure(event);
      await this.deps.witness.hear(event);
    }
    return newest;
  }

  private measure({ type, about, epoch, data }: HeardEvent): void {
    const durations = data.durationMs as Record<string, number> | undefined;
    // Progress comes without a batch, too, when a query has looked and found nothing.
    if (type !== "progress" || durations?.addBatch === undefined) return;
    this.deps.meter.batch(about, durations);
    if (durations.triggerExecution !== undefined) this.deps.durations.note(about, epoch, durations.triggerExecution);
  }
}
