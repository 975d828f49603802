import type { Row } from "./query-engine.ts";
import type { SnapshotSet, SnapshotStamp, Snapshots } from "./snapshots.ts";

/** What became of the records, in the order in which the contract decides. */
const OUTCOMES = ["accepted", "duplicate", "late", "future", "undecodable", "invalid"] as const;

export interface OutcomeCount {
  outcome: (typeof OUTCOMES)[number];
  records: string;
  /** records by reason; one record may have several */
  reasons: Record<string, string>;
}

export interface OutcomesAnswer {
  /** every outcome, those without records too */
  items: OutcomeCount[];
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
        const [byOutcome, byReason, distinct, bronze] = await Promise.all([
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
          records: items.reduce((sum, { records }) => sum + BigInt(records), 0n).toString(),
          distinctOffsets: text(distinct[0]?.offsets),
          bronzeRecords: text(bronze[0]?.records),
          snapshot: set.stamp(SILVER),
        };
      }),
  };
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
