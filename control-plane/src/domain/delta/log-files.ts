import { damagedTable, unsupportedTable } from "./faults.ts";

/** A checkpoint of which every part is there. */
export interface Checkpoint {
  version: number;
  /** names of its files, in order */
  files: string[];
}

/** How to reach one version: read a checkpoint (or nothing), then the commits after it. */
export interface ReadingPlan {
  checkpoint: Checkpoint | undefined;
  /** consecutive versions, the last one is the newest of the table */
  commits: number[];
}

const COMMIT = /^(\d{20})\.json$/;
const CLASSIC = /^(\d{20})\.checkpoint\.parquet$/;
const PART = /^(\d{20})\.checkpoint\.(\d{10})\.(\d{10})\.parquet$/;
const V2 = /^(\d{20})\.checkpoint\.[0-9a-f-]{36}\.(json|parquet)$/;

/** The file name of a commit. */
export function commitName(version: number): string {
  return `${String(version).padStart(20, "0")}.json`;
}

/**
 * What the names in `_delta_log` say about a table.
 *
 * The listing alone decides; `_last_checkpoint` is a hint for stores where listing is dear, and may be stale. A multi-part checkpoint that lacks a
 * part counts as not there. Other names (checksums, compacted commits, temporary files) are of no use here.
 * @returns undefined when the log holds neither commit nor checkpoint: there is no table yet
 * @throws Problem `damaged_table` on a gap, `unsupported_table` when only a V2 checkpoint leads to the newest version
 */
export function planReading(
  table: string,
  names: Iterable<string>,
  unreadable: ReadonlySet<number> = new Set(),
): ReadingPlan | undefined {
  const { commits, checkpoints, v2 } = classify(names);
  const newest = Math.max(-1, ...commits.slice(-1), ...checkpoints.map(({ version }) => version));
  if (newest < 0) {
    if (v2 !== undefined) throw v2Refused(table);
    return undefined;
  }
  const checkpoint = checkpoints.filter(({ version }) => !unreadable.has(version)).at(-1);
  const first = checkpoint === undefined ? 0 : checkpoint.version + 1;
  const tail = commits.filter((version) => version >= first);
  for (let version = first; version <= newest; version += 1) {
    if (tail[version - first] === version) continue;
    if (v2 !== undefined && v2 >= version) throw v2Refused(table);
    const since =
      checkpoint === undefined ? "no readable checkpoint" : `the newest readable checkpoint is ${checkpoint.version}`;
    throw damagedTable(table, `commit ${version} is missing from the log, though version ${newest} exists (${since})`);
  }
  return { checkpoint, commits: tail };
}

function classify(names: Iterable<string>): { commits: number[]; checkpoints: Checkpoint[]; v2: number | undefined } {
  const commits: number[] = [];
  const checkpoints: Checkpoint[] = [];
  const parts = new Map<string, string[]>();
  let v2: number | undefined;
  for (const name of [...names].sort()) {
    const commit = COMMIT.exec(name);
    const classic = CLASSIC.exec(name);
    const part = PART.exec(name);
    const other = V2.exec(name);
    if (commit !== null) commits.push(Number(commit[1]));
    else if (classic !== null) checkpoints.push({ version: Number(classic[1]), files: [name] });
    else if (part !== null) {
      const key = `${part[1]}.${part[3]}`;
      const files = [...(parts.get(key) ?? []), name];
      parts.set(key, files);
      if (files.length === Number(part[3])) checkpoints.push({ version: Number(part[1]), files });
    } else if (other !== null) v2 = Number(other[1]);
  }
  checkpoints.sort((a, b) => a.version - b.version);
  return { commits, checkpoints, v2 };
}

function v2Refused(table: string) {
  return unsupportedTable(table, "v2Checkpoint", "only a V2 checkpoint leads to its newest version");
}
