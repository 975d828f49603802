import type { OffsetVector } from "../../domain/replay/offsets.ts";

/** Finds records of a topic by their timestamps. */
export interface TopicTimes {
  /** The first offset at or after a moment, by partition; the end of the partition where there is none. */
  offsetsAt(topic: string, ms: number): Promise<ReadonlyMap<number, bigint>>;
}

/** Steps between the ends of a retention: no more precise than matters for "until when". */
const PARTS = 5_000;
const LEAST_STEP_MS = 1_000;

/**
 * About when the records at these offsets were appended, in ms: never later than they were.
 *
 * Brokers tell the first offset after a moment and not the moment of an offset, so it is searched for; no record is read.
 * @param spanMs how long ago that may be
 */
export async function recordTimes(
  times: TopicTimes,
  topic: string,
  offsets: OffsetVector,
  now: Date,
  spanMs: number,
): Promise<Record<string, number>> {
  const stepMs = Math.max(LEAST_STEP_MS, spanMs / PARTS);
  const found = Object.entries(offsets).map(async ([partition, offset]) => {
    let [from, to] = [now.getTime() - spanMs, now.getTime()];
    while (to - from > stepMs) {
      const middle = Math.round((from + to) / 2);
      const first = (await times.offsetsAt(topic, middle)).get(Number(partition)) ?? 0n;
      // As long as a record at or before ours is found, ours is not older than that moment.
      if (first <= BigInt(offset)) from = middle;
      else to = middle;
    }
    return [partition, from] as const;
  });
  return Object.fromEntries(await Promise.all(found));
}
