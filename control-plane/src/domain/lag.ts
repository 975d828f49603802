/** How far a job is behind its topic; offsets are bigints inside and texts outside. */

/** What a topic holds: per partition the oldest offset kept and the next one to be written. */
export type TopicOffsets = ReadonlyMap<number, { earliest: bigint; latest: bigint }>;

/** The newest thing that a job's ledger says about its position. */
export interface Position {
  /** next offset to be read, per partition */
  through: Record<string, string>;
  /** append time up to which every partition has been read, ISO-8601 */
  lowWatermark: string | null;
  /** append time of the last record read, per partition, ISO-8601; only bronze knows */
  lastTimestamps: Record<string, string>;
}

export interface PartitionLag {
  partition: number;
  earliest: string;
  committed: string | null;
  latest: string;
  lagRecords: string;
  /** null where nothing says up to which time the partition has been read */
  lagSeconds: number | null;
}

/**
 * Compares a job's position with its topic.
 *
 * A partition with unread records has been read at least up to its last record's append time, at least up to the low
 * watermark, and at least up to the last moment at which the unread records were not there: the latest of these bounds
 * its lag in seconds from above.
 * @param emptyBeyond the newest moment (ms) at which a partition held nothing at or beyond an offset, where remembered
 */
export function lagByPartition(
  topic: TopicOffsets,
  position: Position | null,
  now: Date,
  emptyBeyond: (partition: number, offset: bigint) => number | null = () => null,
): PartitionLag[] {
  return [...topic.entries()]
    .sort(([a], [b]) => a - b)
    .map(([partition, { earliest, latest }]) => {
      const committed = position?.through[String(partition)];
      const from = committed === undefined ? earliest : maximum(BigInt(committed), earliest);
      const records = maximum(latest - from, 0n);
      const readUntil = [position?.lastTimestamps[String(partition)], position?.lowWatermark]
        .map((text) => Date.parse(text ?? ""))
        .concat(emptyBeyond(partition, from) ?? Number.NaN)
        .filter((ms) => !Number.isNaN(ms));
      return {
        partition,
        earliest: String(earliest),
        committed: committed ?? null,
        latest: String(latest),
        lagRecords: String(records),
        lagSeconds: records === 0n ? 0 : seconds(readUntil, now),
      };
    });
}

/** Sums up partitions: records in all, seconds of the slowest. */
export function totalLag(partitions: PartitionLag[]): { records: string; seconds: number | null } {
  const seconds = partitions.map((partition) => partition.lagSeconds);
  return {
    records: String(partitions.reduce((sum, partition) => sum + BigInt(partition.lagRecords), 0n)),
    seconds: seconds.includes(null) ? null : Math.max(0, ...(seconds as number[])),
  };
}

function maximum(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function seconds(readUntil: number[], now: Date): number | null {
  if (readUntil.length === 0) return null;
  return Math.max(0, Math.round((now.getTime() - Math.max(...readUntil)) / 10) / 100);
}
