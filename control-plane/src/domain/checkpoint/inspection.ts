import {
  damagedEntry,
  damagedMetadata,
  type Finding,
  gapIn,
  missing,
  type Place,
  unplannedCommit,
  unseenBatches,
} from "./findings.ts";
import { DamagedEntry, type OffsetEntry, parseCommitEntry, parseOffsetEntry, parseQueryId } from "./log-entry.ts";

/** What lies in the folder of a checkpoint; a log has the text of each batch's file. */
export interface CheckpointFiles {
  metadata: string | undefined;
  offsets: ReadonlyMap<bigint, string>;
  commits: ReadonlyMap<bigint, string>;
}

/** What one of the two logs holds; Spark keeps about the last hundred batches. */
export interface LogSummary {
  newest: bigint | null;
  oldest: bigint | null;
  count: number;
  /** batches between the oldest and the newest that have no file */
  gaps: bigint[];
}

/** What a start of the query would do. */
export type NextStep =
  | { action: "begin" }
  | { action: "repeat" | "continue"; batch: bigint }
  | { action: "fail"; because: Finding };

export interface CheckpointReport {
  queryId: string | null;
  offsets: LogSummary;
  commits: LogSummary;
  /** the newest batch that is logged; null when there is none, or when its file is damaged */
  newest: OffsetEntry | null;
  /** the one before it */
  previous: OffsetEntry | null;
  /** the batch that is logged and not committed */
  inFlight: bigint | null;
  damage: Finding[];
  next: NextStep;
}

/**
 * Judges a checkpoint as Spark's start does: it reads the newest entry of the offset log, the one before it and the newest commit,
 * and repeats the newest batch unless it is committed. What lies further back is history; damage there is told, and stops nothing.
 * @param ledgerBatch the newest batch that is in the job's table, by its ledger
 */
export function inspectCheckpoint(files: CheckpointFiles, ledgerBatch: bigint | null): CheckpointReport {
  const damage: Finding[] = [];
  const offsets = summarise([...files.offsets.keys()]);
  const commits = summarise([...files.commits.keys()]);
  const read = <T>(text: string, parse: (text: string) => T, toFinding: (problem: string) => Finding): T | null => {
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof DamagedEntry)) throw error;
      damage.push(toFinding(error.message));
      return null;
    }
  };

  const place = (log: Place["log"], batch: bigint): Place => {
    const { newest } = log === "offsets" ? offsets : commits;
    return { log, batch, newest: newest === batch, previous: newest === batch + 1n, ledgerBatch };
  };

  const queryId = files.metadata === undefined ? null : read(files.metadata, parseQueryId, damagedMetadata);
  if (files.metadata === undefined && offsets.newest !== null) damage.push(missing("metadata"));
  const entries = new Map<bigint, OffsetEntry | null>();
  for (const [batch, text] of newestFirst(files.offsets)) {
    entries.set(
      batch,
      read(text, parseOffsetEntry, (problem) => damagedEntry(problem, place("offsets", batch))),
    );
  }
  for (const [batch, text] of newestFirst(files.commits)) {
    read(text, parseCommitEntry, (problem) => damagedEntry(problem, place("commits", batch)));
  }
  damage.push(...offsets.gaps.map((batch) => gapIn("offsets", batch, offsets.newest === batch + 1n)));
  damage.push(...commits.gaps.map((batch) => gapIn("commits", batch, false)));
  if (commits.newest !== null && commits.newest > (offsets.newest ?? -1n)) {
    damage.push(unplannedCommit(commits.newest, offsets.newest, ledgerBatch));
  }
  const unseen = offsets.newest !== null && commits.newest !== null ? offsets.newest - commits.newest - 1n : 0n;
  if (unseen > 0n) damage.push(unseenBatches(commits.newest as bigint, offsets.newest as bigint, ledgerBatch));

  const inFlight = offsets.newest !== null && offsets.newest > (commits.newest ?? -1n) ? offsets.newest : null;
  return {
    queryId,
    offsets,
    commits,
    newest: offsets.newest === null ? null : (entries.get(offsets.newest) ?? null),
    previous: offsets.newest === null ? null : (entries.get(offsets.newest - 1n) ?? null),
    inFlight,
    damage,
    next: nextStep(damage, offsets.newest, inFlight),
  };
}

function nextStep(damage: Finding[], newest: bigint | null, inFlight: bigint | null): NextStep {
  const blocking = damage.find((finding) => finding.stopsStart);
  if (blocking !== undefined) return { action: "fail", because: blocking };
  if (newest === null) return { action: "begin" };
  return inFlight === null ? { action: "continue", batch: newest } : { action: "repeat", batch: inFlight };
}

/** Batches of a log by the names in its folder; other names are temporary files. */
export function batchesOf(names: Iterable<string>): bigint[] {
  return [...names].filter((name) => /^\d{1,18}$/.test(name)).map((name) => BigInt(name));
}

function newestFirst(log: ReadonlyMap<bigint, string>): [bigint, string][] {
  return [...log].sort(([a], [b]) => (a < b ? 1 : -1));
}

const GAPS_AT_MOST = 100;

function summarise(batches: bigint[]): LogSummary {
  const sorted = [...batches].sort((a, b) => (a < b ? -1 : 1));
  const present = new Set(sorted);
  const oldest = sorted[0] ?? null;
  const newest = sorted.at(-1) ?? null;
  const gaps: bigint[] = [];
  for (let batch = oldest ?? 0n; newest !== null && batch < newest && gaps.length < GAPS_AT_MOST; batch += 1n) {
    if (!present.has(batch)) gaps.push(batch);
  }
  return { newest, oldest, count: sorted.length, gaps };
}
