import type { TopicOffsets } from "../lag.ts";
import type { OffsetVector } from "./offsets.ts";

/** Whether Kafka still holds what a replay reads from it, and until when. */
export interface KafkaFeasibility {
  /** the replay reads the topic itself; all others read tables */
  needed: boolean;
  earliest: OffsetVector;
  latest: OffsetVector;
  /** partitions whose first record to be read is gone, or was never there */
  missing: { partition: string; wanted: string; earliest: string; latest: string }[];
  /** when the first record to be read may be deleted by the topic's retention; null where that cannot be told or never happens */
  until: string | null;
}

/** Room that a replay needs beside what there is. */
export interface DiskFeasibility {
  /** the tables that are made anew, as large as they are now */
  tables: string;
  /** an ordered copy of what is read, for as long as the jobs are behind */
  copies: string;
  needed: string;
  free: string;
  enough: boolean;
}

/** How fast a job has been, by the best of its last batches. */
export interface MeasuredRate {
  rows: number;
  ms: number;
}

/** How long a replay will take. */
export interface TimeEstimate {
  seconds: number | null;
  rowsPerSecond: number | null;
  /** what it rests on, in a sentence */
  basis: string;
}

/** What stays free beside a replay, so that the live jobs can go on writing. */
const SPARE_BYTES = 512n * 1024n * 1024n;
/** Starting the queries and making the first snapshot. */
const START_SECONDS = 10;

/**
 * @param start the first offset to be read, by partition
 * @param timestamps of the record at `start`, in ms; without an entry where there is no record yet
 * @param retentionMs null: Kafka keeps everything
 */
export function kafkaFeasibility(
  start: OffsetVector,
  topic: TopicOffsets,
  timestamps: Readonly<Record<string, number>>,
  retentionMs: number | null,
): KafkaFeasibility {
  const missing = Object.entries(start).flatMap(([partition, wanted]) => {
    const { earliest = 0n, latest = 0n } = topic.get(Number(partition)) ?? {};
    const isThere = BigInt(wanted) >= earliest && BigInt(wanted) <= latest;
    return isThere ? [] : [{ partition, wanted, earliest: String(earliest), latest: String(latest) }];
  });
  const ends = Object.keys(start).flatMap((partition) =>
    timestamps[partition] === undefined || retentionMs === null ? [] : [timestamps[partition] + retentionMs],
  );
  return {
    needed: true,
    ...endsOf(topic),
    missing,
    until: missing.length > 0 || ends.length === 0 ? null : new Date(Math.min(...ends)).toISOString(),
  };
}

/** For a replay that reads tables only. */
export function kafkaNotNeeded(topic: TopicOffsets): KafkaFeasibility {
  return { needed: false, ...endsOf(topic), missing: [], until: null };
}

/**
 * @param rebuilt bytes of each table that is made anew
 * @param copied bytes of each table of which an ordered copy may have to be made
 */
export function diskFeasibility(rebuilt: readonly bigint[], copied: readonly bigint[], free: bigint): DiskFeasibility {
  const sum = (all: readonly bigint[]) => all.reduce((total, bytes) => total + bytes, 0n);
  const needed = sum(rebuilt) + sum(copied) + SPARE_BYTES;
  return {
    tables: String(sum(rebuilt)),
    copies: String(sum(copied)),
    needed: String(needed),
    free: String(free),
    enough: needed <= free,
  };
}

/**
 * The jobs work at the same time, so the slowest one decides.
 * @param rows that each job reads
 * @param rates of each job; null where nothing was measured
 */
export function estimateTime(
  rows: Readonly<Record<string, bigint>>,
  rates: Readonly<Record<string, MeasuredRate | null>>,
): TimeEstimate {
  const known = Object.entries(rates).flatMap(([job, rate]) => {
    if (rate === null || rate.ms <= 0 || rate.rows <= 0) return [];
    const perSecond = (rate.rows / rate.ms) * 1_000;
    return [{ job, ...rate, perSecond, seconds: Number(rows[job] ?? 0n) / perSecond }];
  });
  const slowest = known.toSorted((one, other) => other.seconds - one.seconds)[0];
  if (slowest === undefined) {
    return { seconds: null, rowsPerSecond: null, basis: "no batch of these jobs is known yet" };
  }
  return {
    seconds: Math.ceil(slowest.seconds) + START_SECONDS,
    rowsPerSecond: Math.round(slowest.perSecond),
    basis: `the best of the last batches of ${slowest.job}: ${slowest.rows} rows in ${slowest.ms} ms; a larger batch is faster, and the live jobs come first`,
  };
}

function endsOf(topic: TopicOffsets): Pick<KafkaFeasibility, "earliest" | "latest"> {
  const each = (pick: (ends: { earliest: bigint; latest: bigint }) => bigint) =>
    Object.fromEntries([...topic].map(([partition, ends]) => [String(partition), String(pick(ends))]));
  return { earliest: each(({ earliest }) => earliest), latest: each(({ latest }) => latest) };
}
