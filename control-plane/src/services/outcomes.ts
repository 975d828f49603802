import { sameContent } from "../domain/event-content.ts";
import { CONTENT_COLUMNS } from "../domain/event-fields.ts";
import type { Row } from "./query-engine.ts";
import { Remembered } from "./remembered.ts";
import type { SnapshotSet, SnapshotStamp, Snapshots } from "./snapshots.ts";

/** What became of the records, in the order in which the contract decides. */
export const OUTCOMES = ["accepted", "duplicate", "late", "future", "undecodable", "invalid"] as const;

export interface OutcomeCount {
  outcome: (typeof OUTCOMES)[number];
  records: string;
  /** records by reason; one record may have several */
  reasons: Record<string, string>;
}

export interface OutcomesAnswer {
  /** every outcome, those without records too */
  items: OutcomeCount[];
  /** duplicates that say something else than every accepted record of their id */
  conflicts: string;
  /** records of silver */
  records: string;
  /** of the accepted, those that overrides let in: each counts once, as what it was let in as */
  overridden: string;
  /** distinct topic, partition and offset in silver: equal to `records`, or a record was counted twice */
  distinctOffsets: string;
  /** rows of bronze, at least as new as silver: what it has more is on its way */
  bronzeRecords: string;
  snapshot: SnapshotStamp;
}

export interface Outcomes {
  outcomes(): Promise<OutcomesAnswer>;
}

const SILVER = "silver.sales_events";
const BRONZE = "bronze.sales_events";
const PLACE = ["topic", "partition", "offset"];

/** Counts every record by what became of it, anew only where silver or bronze has other files. `createOutcomes({ snapshots })` */
export function createOutcomes({ snapshots }: { snapshots: Snapshots }): Outcomes {
  const counted = new Remembered<Omit<OutcomesAnswer, "snapshot">>();
  return {
    outcomes: () =>
      // Silver first: bronze is then at least as new, and never has fewer records than silver.
      snapshots.read([SILVER, BRONZE], async (set) => ({
        ...(await counted.get(set, [SILVER, BRONZE], [], () => countAll(set))),
        snapshot: set.stamp(SILVER),
      })),
  };
}

async function countAll(set: SnapshotSet): Promise<Omit<OutcomesAnswer, "snapshot">> {
  const silver = await finalRows(set);
  const [byOutcome, byReason, distinct, conflicts, bronze] = await Promise.all([
    ask(
      set,
      silver?.rows(["outcome"]),
      (relation) => `SELECT outcome, count(*)::VARCHAR AS records FROM ${relation} GROUP BY outcome`,
    ),
    ask(
      set,
      silver?.rows(["outcome", "reasons"]),
      (relation) =>
        `SELECT outcome, reason, count(*)::VARCHAR AS records
         FROM (SELECT outcome, unnest(reasons) AS reason FROM ${relation} WHERE outcome <> 'accepted') GROUP BY ALL ORDER BY reason`,
    ),
    ask(
      set,
      silver?.rows(PLACE),
      (relation) =>
        `SELECT sum(offsets)::VARCHAR AS offsets
         FROM (SELECT count(DISTINCT "offset") AS offsets FROM ${relation} GROUP BY topic, partition)`,
    ),
    countConflicts(set),
    ask(set, set.relation(BRONZE, ["offset"]), (relation) => `SELECT count(*)::VARCHAR AS records FROM ${relation}`),
  ]);
  const items = OUTCOMES.map((outcome) => ({
    outcome,
    records: text(byOutcome.find((row) => row.outcome === outcome)?.records),
    reasons: Object.fromEntries(
      byReason.filter((row) => row.outcome === outcome).map((row) => [row.reason, row.records]),
    ),
  }));
  return {
    items,
    conflicts,
    records: items.reduce((sum, { records }) => sum + BigInt(records), 0n).toString(),
    overridden: String(silver?.overridden ?? 0),
    distinctOffsets: text(distinct[0]?.offsets),
    bronzeRecords: text(bronze[0]?.records),
  };
}

/** The same id with other content: whichever came second was refused as a duplicate, and may be what was meant. */
async function countConflicts(set: SnapshotSet): Promise<string> {
  const columns = ["event_id", ...CONTENT_COLUMNS];
  const of = (outcome: string) => set.relation(SILVER, columns, (partition) => partition.outcome === outcome);
  const [copies, accepted] = [of("duplicate"), of("accepted")];
  if (copies === undefined || accepted === undefined) return "0";
  const [counted] = await set.query(
    `SELECT count(*)::VARCHAR AS records FROM ${copies} AS copies
     WHERE EXISTS (SELECT 1 FROM ${accepted} AS accepted WHERE accepted.event_id = copies.event_id)
       AND NOT EXISTS (SELECT 1 FROM ${accepted} AS accepted WHERE accepted.event_id = copies.event_id AND ${sameContent("copies", "accepted")})`,
  );
  return text(counted?.records);
}

interface FinalRows {
  /** SQL of silver's rows with these columns; a record that an override let in is its accepted row alone */
  rows(columns: string[]): string;
  overridden: number;
}

/** Undefined while there is no table. */
async function finalRows(set: SnapshotSet): Promise<FinalRows | undefined> {
  const snapshot = set.snapshot(SILVER);
  if (snapshot === undefined) return undefined;
  // A table that no run of this release has opened yet lacks the column.
  const hasOverrides = snapshot.columns.some(({ name }) => name === "override");
  const isAccepted = (partition: Record<string, unknown>) => partition.outcome === "accepted";
  const letIn = hasOverrides ? set.relation(SILVER, [...PLACE, "override"], isAccepted) : undefined;
  const places = await ask(set, letIn, (relation) => `SELECT 1 FROM ${relation} WHERE override IS NOT NULL`);
  const all = (columns: string[]) => set.relation(SILVER, columns) ?? "";
  const final = (columns: string[]) =>
    `(SELECT * FROM ${all([...new Set([...columns, ...PLACE, "override"])])} AS row_of WHERE override IS NOT NULL OR NOT EXISTS
      (SELECT 1 FROM ${letIn} AS let_in WHERE let_in.override IS NOT NULL AND let_in.topic = row_of.topic
         AND let_in."partition" = row_of."partition" AND let_in."offset" = row_of."offset"))`;
  return { rows: places.length === 0 ? all : final, overridden: places.length };
}

async function ask(set: SnapshotSet, relation: string | undefined, sql: (relation: string) => string): Promise<Row[]> {
  return relation === undefined ? [] : set.query(sql(relation));
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "0";
}
