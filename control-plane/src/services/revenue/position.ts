import { formatInstant } from "../../domain/delta/instant.ts";
import type { OffsetVector } from "../../domain/delta/ledger-entry.ts";
import { newestEntry } from "../../domain/delta/snapshot.ts";
import { invalidRequest } from "../../domain/problem.ts";
import type { AsOf } from "../../domain/revenue/as-of.ts";
import type { Clock } from "../ports.ts";
import type { SnapshotSet, SnapshotStamp } from "../snapshots.ts";
import type { Commit, Commits } from "./commits.ts";

export const FINAL = "gold.revenue_5m";
export const UPDATES = "gold.revenue_5m_updates";

/** How far the figures had come at some moment, the present one included. */
export interface Position {
  stamp: SnapshotStamp;
  /** every window that ends at or before it is final; null while none is */
  finalThrough: string | null;
  /** updates of this batch and those before it count; undefined: all that there are */
  batch: number | undefined;
  /** Kafka offsets of the records that had been counted: the next one per partition; undefined before the first batch */
  through: OffsetVector | undefined;
  /** final rows that were made by then count; undefined: all that there are */
  finalisedBy: string | undefined;
  /** when the newest commit that counts was made, or its generation became live after that: asked as of then, the answer is the same; null before the first one */
  asOf: string | null;
}

/** The newest position that the tables of an answer show. */
export async function positionNow(set: SnapshotSet, commits: Commits): Promise<Position> {
  const updates = set.snapshot(UPDATES);
  const times = await Promise.all([writtenAt(set, commits, FINAL, "final"), writtenAt(set, commits, UPDATES, "batch")]);
  return {
    stamp: set.stamp(UPDATES),
    finalThrough: await finality(set),
    batch: undefined,
    through: updates && newestEntry(updates, "batch")?.through,
    finalisedBy: undefined,
    asOf: newest(times.some((time) => time !== undefined) ? [...times, set.since] : []),
  };
}

async function writtenAt(set: SnapshotSet, commits: Commits, table: string, kind: "final" | "batch") {
  const snapshot = set.snapshot(table);
  const entry = snapshot && newestEntry(snapshot, kind);
  return entry && commits.writtenAt(table, entry.version);
}

/** Through when windows are final; where clean-up took the entry that says so, the end of the newest final row is a safe answer. */
export async function finality(set: SnapshotSet): Promise<string | null> {
  const snapshot = set.snapshot(FINAL);
  const said = snapshot && newestEntry(snapshot, "final")?.finalThrough;
  if (said != null || snapshot === undefined || snapshot.files.size === 0) return said ?? null;
  const [row] = await set.query(`SELECT max(window_end) AS through FROM ${set.relation(FINAL, ["window_end"])}`);
  return (row?.through as string | null | undefined) ?? null;
}

/**
 * The position at a moment of the past. Updates are history and stay apart by batch, so it takes no old version of a table: what had been
 * committed by then says which of today's rows count.
 * @param text as it was asked for, for messages
 * @throws Problem `invalid_request` where nothing is known of that moment, with what is
 */
export async function positionAsOf(
  { set, commits, clock }: { set: SnapshotSet; commits: Commits; clock: Clock },
  asOf: AsOf,
  text: string,
): Promise<Position> {
  const refuse = (expected: string) => invalidRequest([{ field: "as_of", value: text, expected }]);
  if ("at" in asOf && asOf.at > BigInt(clock.now().getTime()) * 1000n)
    throw refuse("an instant that is not in the future");
  const version = set.snapshot(UPDATES)?.version ?? -1;
  if ("version" in asOf && asOf.version > version) throw refuse(`version:${version} at most: that is the newest one`);
  const { updates, next, final } = await reached(commits, asOf);
  if (updates === undefined) throw refuse(await whatIsKept(commits));
  if (next !== undefined && next.batch > updates.batch + 1) {
    const missing = `batches ${updates.batch + 1} to ${next.batch - 1}, which the ledger does not know`;
    throw refuse(`a moment not between ${written(updates)} and ${written(next)}: it had ${missing}`);
  }
  return {
    stamp: {
      generation: set.generation,
      lowWatermark: updates.entry.lowWatermark,
      tables: { [FINAL]: { version: final?.version ?? null }, [UPDATES]: { version: updates.version } },
    },
    finalThrough: final?.entry.finalThrough ?? null,
    batch: updates.batch,
    through: updates.entry.through,
    finalisedBy: final?.at.toISOString(),
    asOf: newest([updates.at, final?.at, set.since]),
  };
}

interface Reach {
  /** the newest batch by then */
  updates: Commit | undefined;
  /** the oldest batch that the ledger knows after that one */
  next: Commit | undefined;
  /** the newest summing-up of final windows by then */
  final: Commit | undefined;
}

async function reached(commits: Commits, asOf: AsOf): Promise<Reach> {
  const batches = { table: UPDATES, kind: "batch" } as const;
  const finals = { table: FINAL, kind: "final" } as const;
  if ("at" in asOf) {
    const until = new Date(Number(asOf.at / 1000n));
    const [updates, next, final] = await Promise.all([
      commits.first({ ...batches, until, by: "time", order: "newest" }),
      commits.first({ ...batches, after: until, by: "time", order: "oldest" }),
      commits.first({ ...finals, until, by: "time", order: "newest" }),
    ]);
    return { updates, next, final };
  }
  const updates = await commits.first({ ...batches, throughVersion: asOf.version, by: "batch", order: "newest" });
  if (updates === undefined) return { updates, next: undefined, final: undefined };
  const [next, final] = await Promise.all([
    commits.first({ ...batches, fromBatch: updates.batch + 1, by: "batch", order: "oldest" }),
    // A summing-up is made before the next batch, so it belongs to the version that it followed on.
    commits.first({ ...finals, throughBatch: updates.batch, by: "batch", order: "newest" }),
  ]);
  return { updates, next, final };
}

async function whatIsKept(commits: Commits): Promise<string> {
  const oldest = await commits.first({ table: UPDATES, kind: "batch", by: "time", order: "oldest" });
  if (oldest === undefined) return "no as_of yet: nothing has been counted so far";
  const why =
    oldest.batch === 0 ? "then the first batch was committed" : "older commits are not in the ledger any more";
  return `${written(oldest)} or version:${oldest.version} at the earliest: ${why}`;
}

function written({ at }: Commit): string {
  return formatInstant(BigInt(at.getTime()) * 1000n);
}

function newest(times: (Date | undefined)[]): string | null {
  const known = times.flatMap((time) => time?.getTime() ?? []);
  return known.length === 0 ? null : formatInstant(BigInt(Math.max(...known)) * 1000n);
}
