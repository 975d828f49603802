import type { OffsetVector } from "../delta/ledger-entry.ts";

/** Next offsets of the source: everything before them is dealt with. */
export type SourceOffsets = Readonly<OffsetVector>;

/** @returns the next offset of one partition, 0 where nothing of it is dealt with */
export function offsetIn(offsets: SourceOffsets, topic: string, partition: number): bigint {
  return BigInt(offsets[topic]?.[partition] ?? "0");
}

/** @returns `offsets` moved on; never back */
export function movedTo(offsets: SourceOffsets, topic: string, partition: number, next: bigint): SourceOffsets {
  if (next <= offsetIn(offsets, topic, partition)) return offsets;
  return { ...offsets, [topic]: { ...offsets[topic], [partition]: String(next) } };
}

/** Reads what was saved. @throws Error when it is something else */
export function readSourceOffsets(json: unknown): SourceOffsets {
  const isVector =
    isMap(json) &&
    Object.values(json).every(
      (partitions) => isMap(partitions) && Object.values(partitions).every((offset) => /^\d+$/.test(String(offset))),
    );
  if (!isVector) throw new Error(`no offsets of a source: ${JSON.stringify(json)}`);
  return json as SourceOffsets;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
