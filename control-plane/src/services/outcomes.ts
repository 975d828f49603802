import { CONTENT_COLUMNS, sameContent } from "../domain/event-content.ts";
import type { Row } from "./query-engine.ts";
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
  /** rows of silver */
  records: string;
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

/** Counts every record by what became of it. `createOutcomes({ snapshots })` */
export function createOutcomes({ snapshots }: { snapshots: Snapshots }): Outcomes {
  return {
    outcomes: () =>
      // Silver first: bronze is then at least as new, and never has fewer records than silver.
      snapshots.read([SILVER, BRONZE], async (set) => {
        const [byOutcome, byReason, distinct, conflicts, bronze] = await Promise.all([
          rows(
            set,
            SILVER,
            ["outcome"],
            (silver) => `SELECT outcome, count(*)::VARCHAR AS records FROM ${silver} GROUP BY outcome`,
          ),
          rows(
            set,
            SILVER,
            ["outcome", "reasons"],
            (silver) =>
              `SELECT outcome, reason, count(*)::VARCHAR AS records
               FROM (SELECT outcome, unnest(reasons) AS reason FROM ${silver} WHERE outcome <> 'accepted') GROUP BY ALL ORDER BY reason`,
          ),
          rows(
            set,
            SILVER,
            ["topic", "partition", "offset"],
            (silver) =>
              `SELECT sum(offsets)::VARCHAR AS offsets
               FROM (SELECT count(DISTINCT "offset") AS offsets FROM ${silver} GROUP BY topic, partition)`,
          ),
          countConflicts(set),
          rows(set, BRONZE, ["offset"], (relation) => `SELECT count(*)::VARCHAR AS records FROM ${relation}`),
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
          distinctOffsets: text(distinct[0]?.offsets),
          bronzeRecords: text(bronze[0]?.records),
          snapshot: set.stamp(SILVER),
        };
      }),
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

async function rows(
  set: SnapshotSet,
  table: string,
  columns: string[],
  sql: (relation: string) => string,
): Promise<Row[]> {
  const relation = set.relation(table, columns);
  return relation === undefined ? [] : set.query(sql(relation));
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "0";
}
