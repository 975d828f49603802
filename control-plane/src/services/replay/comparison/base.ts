import { relative } from "node:path";
import type { LedgerStore } from "../../ledger.ts";
import { readVersion } from "../../read-versions.ts";
import type { CommitStore } from "../../revenue/ports.ts";
import { UPDATES } from "../../revenue/position.ts";
import { SILVER } from "../../revenue/records.ts";
import type { LedgerRow } from "../../rows.ts";
import type { SnapshotSet } from "../../snapshots.ts";
import type { TableHistory } from "../../table-history.ts";
import type { Offsets } from "./side.ts";

/** Entries that are looked through at once for the batch that is wanted. */
const AT_ONCE = 500;

/** What gold had counted at its last batch before a position. */
export interface Base {
  /** its updates up to this batch; null: none of them */
  batch: number | null;
  /** records before these offsets are in them */
  through: Offsets;
  /** numbers of overrides that let records in behind the batch: these lie before the offsets and are not in the updates */
  uncounted: number[];
}

export interface BaseParts {
  commits: CommitStore;
  ledger: LedgerStore;
  history: TableHistory;
  lakeDir: string;
  topic: string;
}

/**
 * Finds the newest batch of gold that has counted nothing at or beyond a position. Its updates and the accepted records of silver between it and the position are
 * gold's figures there.
 *
 * The batch has to end with a whole version of silver: one that ended within a version has counted rows that its offsets do not tell of.
 */
export async function baseOf(parts: BaseParts, set: SnapshotSet, at: Offsets): Promise<Base> {
  const generation = set.generationOf(UPDATES);
  const silver = { generation: set.generationOf(SILVER), table: SILVER };
  let throughBatch: number | undefined;
  for (;;) {
    const of = { generation, table: UPDATES, kind: "batch", by: "batch", order: "newest", limit: AT_ONCE } as const;
    const rows = await parts.commits.find(throughBatch === undefined ? of : { ...of, throughBatch });
    for (const row of rows) {
      const through = throughOf(row, parts.topic);
      if (!isWithin(through, at)) continue;
      const upstream = await readVersion(parts.ledger, silver, row);
      if (upstream === null) continue;
      return { batch: Number(row.batch), through, uncounted: await overridesAfter(parts, set, upstream) };
    }
    if (rows.length < AT_ONCE) return { batch: null, through: {}, uncounted: await overridesAfter(parts, set, -1) };
    throughBatch = Number(rows.at(-1)?.batch) - 1;
  }
}

/** Overrides that silver's commits after a version have told of; what the ledger has not heard yet is in the log. */
async function overridesAfter(parts: BaseParts, set: SnapshotSet, version: number): Promise<number[]> {
  const newest = set.snapshot(SILVER)?.version ?? -1;
  const heard = await parts.ledger.entries(set.generationOf(SILVER), SILVER, version, newest);
  const told = (await parts.ledger.harvested()).get(relative(parts.lakeDir, set.root(SILVER))) ?? -1;
  const unheard = await parts.history.after(SILVER, set.root(SILVER), Math.max(version, told));
  const entries = [
    ...heard.map(({ kind, entry }) => ({ ...entry, kind })),
    ...(unheard ?? []).map(({ entry }) => entry),
  ];
  return entries.flatMap((entry) => {
    const { kind, overrides } = (entry ?? {}) as { kind?: unknown; overrides?: unknown };
    return kind === "override" && Array.isArray(overrides) ? overrides.map(Number) : [];
  });
}

export function throughOf({ entry }: Pick<LedgerRow, "entry">, topic: string): Offsets {
  return ((entry.through ?? {}) as Record<string, Record<string, string>>)[topic] ?? {};
}

/** Whether everything before these offsets lies before a position. */
function isWithin(through: Offsets, at: Offsets): boolean {
  return Object.entries(through).every(([partition, offset]) => BigInt(offset) <= BigInt(at[partition] ?? "0"));
}
