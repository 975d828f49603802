import { type FieldError, invalidRequest } from "../../domain/problem.ts";
import { hasPassed, listed, type OffsetVector } from "../../domain/replay/offsets.ts";
import type { ReplayPlace } from "../../domain/replay/request.ts";
import type { LedgerStore } from "../ledger.ts";
import type { LiveFacts } from "./live-facts.ts";

export interface CutParts {
  topic: string;
  facts: Pick<LiveFacts, "firstOffsetsSince">;
  ledger: Pick<LedgerStore, "entries" | "harvested">;
}

/** What a place in the topic has to lie within. */
export interface CutBounds {
  job: string;
  /** of the request that names it */
  field: "body.from" | "body.to";
  /** that the job reads */
  table: { name: string; path: string; generation: number };
  /** the first offset that the table has, by partition */
  first: OffsetVector;
  /** up to which the live job has read: what lies before can be taken over, or be judged anew */
  read: OffsetVector;
  /** up to which the table has records */
  written: OffsetVector;
}

/** Commits without a position (compaction, a takeover) do not come in such numbers. */
const LOOK_BACK = 50;

/**
 * The offsets of a place at which a replay begins or its rules end: of the first record behind it in each partition.
 * @throws Problem `invalid_request` where there is nothing to be read or to be taken over
 */
export async function resolveCut(parts: CutParts, place: ReplayPlace, bounds: CutBounds): Promise<OffsetVector> {
  switch (place.kind) {
    case "offsets":
      refuse(wrongOffsets(parts, place.offsets, bounds));
      return place.offsets;
    case "timestamp":
      return atMoment(parts, place.timestamp, bounds);
    case "version":
      return afterVersion(parts, place.version, bounds);
  }
}

async function atMoment({ facts }: CutParts, moment: string, bounds: CutBounds): Promise<OffsetVector> {
  const { read, written, table, job, field } = bounds;
  const found = await facts.firstOffsetsSince(table.name, moment);
  // Where nothing is as young it is what comes next; what the live job has not read yet is no part of what it has made.
  if (field === "body.from") return byPartition(read, (partition, at) => lesser(found[partition] ?? at, at));
  const end = byPartition(read, (partition, at) => found[partition] ?? written[partition] ?? at);
  if (hasPassed(read, end)) return end;
  const expected = `a moment before which ${job} has read every record; it has come to ${listed(read)}, and the first behind that moment are ${listed(end)}. Wait until it has caught up`;
  throw invalidRequest([{ field: `${field}.timestamp`, value: moment, expected }]);
}

function wrongOffsets(
  { topic }: CutParts,
  offsets: OffsetVector,
  { first, read, table, job, field }: CutBounds,
): FieldError[] {
  const known = Object.keys(read);
  const given = Object.keys(offsets);
  if (given.length !== known.length || !known.every((partition) => given.includes(partition))) {
    const expected = `one offset for each partition of ${topic} that ${job} has read: ${known.join(", ") || "none yet"}`;
    return [{ field: `${field}.offsets`, value: offsets, expected }];
  }
  return Object.entries(offsets).flatMap(([partition, offset]) => {
    const [least, most] = [first[partition] ?? read[partition] ?? "0", read[partition] ?? "0"];
    if (BigInt(offset) >= BigInt(least) && BigInt(offset) <= BigInt(most)) return [];
    const expected = `an offset from ${least}, the first in ${table.name}, to ${most}, up to which ${job} has read`;
    return [{ field: `${field}.offsets.${partition}`, value: offset, expected }];
  });
}

/** The records that came after a version of the table: its ledger says up to which offsets that had come. */
async function afterVersion({ topic, ledger }: CutParts, text: string, bounds: CutBounds): Promise<OffsetVector> {
  const { table, first, read, job, field } = bounds;
  const wrong = (expected: string) => refuse([{ field: `${field}.version`, value: text, expected }]);
  const newest = (await ledger.harvested()).get(table.path) ?? -1;
  if (!/^\d{1,15}$/.test(text) || Number(text) > newest) wrong(`a version of ${table.name}, from 0 to ${newest}`);
  const version = Number(text);
  const entries = await ledger.entries(table.generation, table.name, version - LOOK_BACK - 1, version);
  const said = entries.findLast(({ kind }) => kind !== "create")?.entry.through as
    | Record<string, OffsetVector>
    | undefined;
  const through = said?.[topic];
  if (through === undefined) {
    if (entries.some(({ kind }) => kind === "create")) return first;
    wrong("a version whose ledger entry is still kept: they go after 30 days. A timestamp or offsets can say the same");
  }
  const cut = byPartition(read, (partition, position) => through?.[partition] ?? first[partition] ?? position);
  if (!hasPassed(read, cut)) wrong(`a version of ${table.name} that ${job} has read; it has come to ${listed(read)}`);
  return cut;
}

function refuse(errors: FieldError[]): void {
  if (errors.length > 0) throw invalidRequest(errors);
}

function byPartition(vector: OffsetVector, offset: (partition: string, of: string) => string): OffsetVector {
  return Object.fromEntries(Object.entries(vector).map(([partition, of]) => [partition, offset(partition, of)]));
}

function lesser(one: string, other: string): string {
  return BigInt(one) < BigInt(other) ? one : other;
}
