import type { RestartPolicy } from "../specs/job-spec.ts";
import type { JobException } from "../sync.ts";

/** What the restart policy says after the failures so far. */
export interface RestartVerdict {
  /** failures that count: within the policy's window and since the last request of a person */
  failures: number;
  /** true in a crash loop, and after a failure that trying again cannot mend: only a person starts it again */
  givenUp: boolean;
  /** when the next start may happen; null when at once */
  retryAt: Date | null;
}

export interface Failure {
  at: Date;
  /** whoever failed says that trying again cannot help */
  permanent?: boolean;
}

/** Share of a wait by which it may grow, so that what failed together does not come back together. */
const JITTER = 0.25;

/**
 * Decides when something that failed is started again: exponential backoff with jitter, and an end to crash loops.
 * @param name of what failed: decides the jitter, which stays the same however often this is asked
 * @param failures those since the last request of a person, in any order
 */
export function restartVerdict(policy: RestartPolicy, name: string, failures: Failure[], now: Date): RestartVerdict {
  const all = failures.map(({ at }) => at.getTime()).sort((a, b) => a - b);
  const recent = all.filter((at) => at > now.getTime() - policy.withinMs);
  // A crash loop stays one when its failures have grown old: nothing has been tried since.
  const isLoop = all.some((at, first) => {
    const last = all[first + policy.maxFailures - 1];
    return last !== undefined && last - at <= policy.withinMs;
  });
  const newest = all.at(-1);
  const givenUp = isLoop || failures.some(({ at, permanent }) => permanent === true && at.getTime() === newest);
  if (newest === undefined || givenUp) return { failures: all.length, givenUp, retryAt: null };
  const wait = Math.min(policy.backoffMs * 2 ** Math.max(0, recent.length - 1), policy.maxBackoffMs);
  const retryAt = new Date(newest + Math.round(wait * (1 + JITTER * fraction(`${name}@${newest}`))));
  return { failures: recent.length, givenUp, retryAt: retryAt > now ? retryAt : null };
}

/** The same for failures of runs, which know of themselves whether trying again can help. */
export function failureVerdict(
  policy: RestartPolicy,
  job: string,
  failures: { at: Date; exception: JobException | null }[],
  now: Date,
): RestartVerdict {
  const told = failures.map(({ at, exception }) => ({ at, permanent: exception?.permanent === true }));
  return restartVerdict(policy, job, told, now);
}

/** A number from 0 to 1 that looks random and is always the same for a text (FNV-1a, 32 bits). */
function fraction(text: string): number {
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193) >>> 0;
  return hash / 2 ** 32;
}
