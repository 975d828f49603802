/** Positions in a topic: the next offset to be read by partition, as texts. */
export type OffsetVector = Record<string, string>;

/** Whether a position is at or beyond another one, in every partition that the other one names. */
export function hasPassed(position: OffsetVector, other: OffsetVector): boolean {
  return Object.entries(other).every(([partition, offset]) => BigInt(position[partition] ?? 0) >= BigInt(offset));
}

/** The furthest position that all of these have passed; a partition that one of them lacks is at 0 there. */
export function behindAll(vectors: readonly OffsetVector[]): OffsetVector {
  const partitions = new Set(vectors.flatMap((vector) => Object.keys(vector)));
  return byPartition([...partitions], (partition) => {
    const offsets = vectors.map((vector) => BigInt(vector[partition] ?? 0));
    return offsets.reduce(lesser);
  });
}

/** The nearest position that has passed all of these. */
export function aheadOfAll(vectors: readonly OffsetVector[]): OffsetVector {
  const partitions = new Set(vectors.flatMap((vector) => Object.keys(vector)));
  return byPartition([...partitions], (partition) => {
    const offsets = vectors.map((vector) => BigInt(vector[partition] ?? 0));
    return offsets.reduce(greater);
  });
}

/** As people read it: `0: 915, 1: 1021`. */
export function listed(vector: OffsetVector): string {
  return Object.entries(vector)
    .map(([partition, offset]) => `${partition}: ${offset}`)
    .join(", ");
}

/** Records from one position up to another one; where the first is beyond the second there are none. */
export function recordsBetween(from: OffsetVector, to: OffsetVector): bigint {
  return Object.entries(to).reduce((sum, [partition, offset]) => {
    const records = BigInt(offset) - BigInt(from[partition] ?? 0);
    return records > 0n ? sum + records : sum;
  }, 0n);
}

function byPartition(partitions: string[], offset: (partition: string) => bigint): OffsetVector {
  const sorted = partitions.toSorted((one, other) => Number(one) - Number(other));
  return Object.fromEntries(sorted.map((partition) => [partition, String(offset(partition))]));
}

function lesser(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}

function greater(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}
