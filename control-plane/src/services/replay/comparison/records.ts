import type { DiffSummary, RecordChange, RecordState } from "../../../domain/replay/diff.ts";
import type { Row } from "../../query-engine.ts";
import type { ComparisonEngine } from "./ports.ts";
import { beforeSql, COMPARED, type ComparedColumn, type Offsets, type SilverSide } from "./side.ts";

/** Records that are listed at most. */
export const MOST_RECORDS = 10_000;

/** Of these columns people are shown what they say, beside the names of all that differ. */
const SHOWN = [
  ...(["outcome", "reasons", "event_id", "event_time", "event_type"] as const),
  ...(["plan_tier", "region", "currency", "amount", "override"] as const),
] satisfies ComparedColumn[];
const COLUMNS = Object.keys(COMPARED) as ComparedColumn[];

/** What silver says of each record on both sides, in tables of the comparison's engine. */
export class RecordComparison {
  private readonly engine: ComparisonEngine;
  private readonly topic: string;

  constructor(engine: ComparisonEngine, topic: string) {
    this.engine = engine;
    this.topic = topic;
  }

  /** Counts the records of one side. */
  async count(
    silver: SilverSide,
  ): Promise<{ records: string; distinctOffsets: string; outcomes: Record<string, string> }> {
    const rows = silver.records(["outcome"]);
    const counts = await this.engine.query(
      `SELECT outcome, count(*)::VARCHAR AS records FROM ${rows} GROUP BY outcome ORDER BY outcome`,
    );
    const [distinct] = await this.engine.query(
      `SELECT coalesce(sum(offsets), 0)::VARCHAR AS offsets FROM (SELECT count(DISTINCT "offset") AS offsets FROM ${rows} GROUP BY "partition")`,
    );
    return {
      records: counts.reduce((sum, { records }) => sum + BigInt(String(records)), 0n).toString(),
      distinctOffsets: String(distinct?.offsets ?? "0"),
      outcomes: Object.fromEntries(counts.map(({ outcome, records }) => [String(outcome), String(records)])),
    };
  }

  /** @param from records before these offsets were never to be in `right`; null where it was to have all */
  async compare(left: SilverSide, right: SilverSide, from: Offsets | null): Promise<DiffSummary["records"]> {
    const differs = COLUMNS.map((name) => `l.${name} IS DISTINCT FROM r.${name}`);
    const both = `l."partition" IS NOT NULL AND r."partition" IS NOT NULL`;
    const names = COLUMNS.map((name) => `CASE WHEN l.${name} IS DISTINCT FROM r.${name} THEN '${name}' END`);
    const shown = (side: "l" | "r") => SHOWN.map((name) => `${side}.${name} AS ${side}_${name}`).join(", ");
    await this.engine.query(
      `CREATE TEMP TABLE record_changes AS
       SELECT coalesce(l."partition", r."partition") AS "partition", coalesce(l."offset", r."offset") AS "offset",
         CASE WHEN l."partition" IS NULL THEN 'added' WHEN r."partition" IS NULL THEN 'removed' ELSE 'changed' END AS kind,
         CASE WHEN ${both} THEN list_filter([${names.join(", ")}], lambda name: name IS NOT NULL) ELSE [] END AS columns, ${shown("l")}, ${shown("r")}
       FROM ${left.records(COLUMNS)} AS l FULL JOIN ${right.records(COLUMNS)} AS r ON l."partition" = r."partition" AND l."offset" = r."offset"
       WHERE NOT (${both}) OR ${differs.join(" OR ")}`,
    );
    const kinds = await this.engine.query(
      `SELECT count(*) FILTER (kind = 'added')::VARCHAR AS added, count(*) FILTER (kind = 'removed')::VARCHAR AS removed,
         count(*) FILTER (kind = 'changed')::VARCHAR AS changed,
         count(*) FILTER (kind = 'removed' AND NOT ${from === null ? "false" : beforeSql(from)})::VARCHAR AS missing FROM record_changes`,
    );
    const transitions = await this.engine.query(
      `SELECT l_outcome AS before, r_outcome AS after, count(*)::VARCHAR AS records FROM record_changes
       GROUP BY ALL ORDER BY count(*) DESC, l_outcome NULLS LAST, r_outcome NULLS LAST`,
    );
    return {
      ...(kinds[0] as unknown as Record<"added" | "removed" | "changed" | "missing", string>),
      transitions: transitions as unknown as DiffSummary["records"]["transitions"],
    };
  }

  /** Some of the records that differ, of each transition the first ones. */
  async changes(): Promise<RecordChange[]> {
    const rows = await this.engine.query(
      `SELECT * FROM record_changes ORDER BY row_number() OVER (PARTITION BY l_outcome, r_outcome ORDER BY "partition", "offset"), l_outcome, r_outcome
       LIMIT ${MOST_RECORDS}`,
    );
    return rows.map((row) => this.change(row));
  }

  private change(row: Row): RecordChange {
    const kind = row.kind as RecordChange["kind"];
    return {
      kind,
      topic: this.topic,
      partition: Number(row.partition),
      offset: String(row.offset),
      columns: row.columns as string[],
      before: kind === "added" ? null : stateOf(row, "l"),
      after: kind === "removed" ? null : stateOf(row, "r"),
    };
  }
}

function stateOf(row: Row, side: "l" | "r"): RecordState {
  const text = (name: ComparedColumn) => {
    const value = row[`${side}_${name}`];
    return value == null ? null : String(value);
  };
  return {
    outcome: text("outcome") ?? "",
    reasons: (row[`${side}_reasons`] as string[] | null) ?? [],
    event_id: text("event_id"),
    event_time: text("event_time"),
    event_type: text("event_type"),
    plan_tier: text("plan_tier"),
    region: text("region"),
    currency: text("currency"),
    amount: text("amount"),
    override: text("override"),
  };
}
