/** A live job, as far as it matters for how much a replay may take. */
export interface LiveLag {
  job: string;
  /** it should run, and has not been given up: only then does holding a replay back help it */
  runs: boolean;
  /** null where it cannot be told */
  seconds: number | null;
}

/** Below this part of the bound the replay goes on: between the two nothing changes, or it would stutter. */
const RELEASE_PART = 0.5;

/**
 * Decides whether the shadow jobs of a replay may begin batches.
 * @param held why they are held now; null when they are not
 * @param boundMs how far the live jobs may fall behind
 * @returns why they are to be held; null when they may go on
 */
export function decideHold(held: string | null, boundMs: number, live: readonly LiveLag[]): string | null {
  const slow = live
    .filter(({ runs, seconds }) => runs && seconds !== null)
    .toSorted((one, other) => (other.seconds ?? 0) - (one.seconds ?? 0))[0];
  // A lag that nobody can tell changes nothing: Kafka is away, and then the shadow jobs have nothing to read either.
  if (slow === undefined || slow.seconds === null) return live.some(({ runs }) => runs) ? held : null;
  const lagMs = slow.seconds * 1_000;
  if (lagMs > boundMs) {
    return (
      held ??
      `${slow.job} is more than ${boundMs / 1_000} s behind; goes on once it is less than ${(boundMs * RELEASE_PART) / 1_000} s`
    );
  }
  return lagMs < boundMs * RELEASE_PART ? null : held;
}
