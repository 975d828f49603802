import type { SyncRequest } from "../domain/sync.ts";
import type { Clock } from "./ports.ts";

export interface RunnerCall {
  at: Date;
  request: SyncRequest;
}

/**
 * The newest call of each application's runner. Kept in memory only: after a restart every living runner calls again
 * within a heartbeat, and what an old call said about the world would be a guess.
 */
export class RunnerCalls {
  private readonly newest = new Map<string, RunnerCall>();
  private readonly clock: Clock;
  private readonly onNews: () => void;

  /** @param onNews called when a call says something that may change a job's state */
  constructor(clock: Clock, onNews: () => void) {
    this.clock = clock;
    this.onNews = onNews;
  }

  note(request: SyncRequest): void {
    const before = this.newest.get(request.application);
    this.newest.set(request.application, { at: this.clock.now(), request });
    if (before === undefined || digest(before.request) !== digest(request)) this.onNews();
  }

  /** The newest call of this launch; undefined while it has not called. */
  of(application: string, launchId: string): RunnerCall | undefined {
    const call = this.newest.get(application);
    return call?.request.launchId === launchId ? call : undefined;
  }
}

function digest(request: SyncRequest): string {
  const jobs = request.jobs.map(({ job, generation, epoch, state, lastProgressAt, waitingFor }) =>
    [job, generation, epoch, state, Boolean(lastProgressAt), waitingFor].join(),
  );
  return [request.launchId, request.state, ...jobs].join(";");
}
