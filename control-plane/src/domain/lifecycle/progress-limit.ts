export const PROGRESS_LIMIT = {
  /** batches differ: one that takes so many times the longest of the last ones is still not thought to be stuck */
  factor: 4,
  leastMs: 15_000,
  /** a cold JVM's first batches over a backlog take tens of seconds on two cores */
  mostMs: 60_000,
} as const;

/**
 * How long a query may say nothing before it counts as stalled: by what its own batches took. A query with nothing to do says so
 * every second, so this is only ever waited for in a batch.
 * @param recentMs durations of the last batches of this run; none where none is known, as in its first batch
 * @param triggerMs between two batches nothing is heard of a query for that long
 */
export function progressLimitMs(recentMs: readonly number[], triggerMs: number): number {
  const { factor, leastMs, mostMs } = PROGRESS_LIMIT;
  const byBatches = recentMs.length === 0 ? mostMs : factor * Math.max(...recentMs);
  return Math.min(Math.max(byBatches, leastMs), mostMs) + triggerMs;
}
