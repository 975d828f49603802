import type { RestartPolicy } from "../manifest.ts";

/** What the restart policy says after the failures so far. */
export interface RestartVerdict {
  /** failures that count: within the policy's window and since the last request of a person */
  failures: number;
  /** true in a crash loop: only a person starts it again */
  givenUp: boolean;
  /** when the next start may happen; null when at once */
  retryAt: Date | null;
}

/**
 * Decides when something that failed is started again: exponential backoff, and an end to crash loops.
 * @param failedAt times of the failures since the last request of a person, in any order
 */
export function restartVerdict(policy: RestartPolicy, failedAt: Date[], now: Date): RestartVerdict {
  const all = failedAt.map((at) => at.getTime()).sort((a, b) => a - b);
  const recent = all.filter((at) => at > now.getTime() - policy.withinMs);
  // A crash loop stays one when its failures have grown old: nothing has been tried since.
  const givenUp = all.some((at, first) => {
    const last = all[first + policy.maxFailures - 1];
    return last !== undefined && last - at <= policy.withinMs;
  });
  const newest = all.at(-1);
  if (newest === undefined || givenUp) return { failures: all.length, givenUp, retryAt: null };
  const wait = Math.min(policy.backoffMs * 2 ** Math.max(0, recent.length - 1), policy.maxBackoffMs);
  const retryAt = new Date(newest + wait);
  return { failures: recent.length, givenUp, retryAt: retryAt > now ? retryAt : null };
}
