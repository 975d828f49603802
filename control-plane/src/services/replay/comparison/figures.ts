import type { CurrencyDifference, WindowChange } from "../../../domain/replay/diff.ts";
import type { Row } from "../../query-engine.ts";
import { UPDATES } from "../../revenue/position.ts";
import type { Base } from "./base.ts";
import type { ComparisonEngine } from "./ports.ts";
import type { SilverSide } from "./side.ts";

/** Windows that are listed at most. */
export const MOST_WINDOWS = 100_000;

/** With its end: a replay may have windows of another length. */
const KEY = "window_start, window_end, plan_tier, region, currency";
const AMOUNT = "DECIMAL(38, 2)";
const SUMS = `sum(revenue)::${AMOUNT} AS revenue, sum(event_count)::BIGINT AS event_count`;
const DIMENSIONS = ["event_time", "plan_tier", "region", "currency", "amount", "override"] as const;

export type SideName = "left" | "right";

/** Revenue by window of both sides, in tables of the comparison's engine. */
export class Figures {
  private readonly engine: ComparisonEngine;

  constructor(engine: ComparisonEngine) {
    this.engine = engine;
  }

  /** Works out gold's figures of one side, and what they should be by silver. @returns how many there are, and how many silver does not support */
  async add(name: SideName, silver: SilverSide, base: Base): Promise<{ windows: number; unsupported: number }> {
    await this.engine.query(`CREATE TEMP TABLE ${name}_silver AS
      SELECT ${KEY}, ${SUMS} FROM ${windowed(silver, "true")} GROUP BY ALL`);
    await this.engine.query(`CREATE TEMP TABLE ${name}_gold AS
      SELECT ${KEY}, ${SUMS} FROM (${updates(silver, base)} UNION ALL BY NAME FROM ${windowed(silver, pendingSql(base))}) GROUP BY ALL`);
    const [row] = await this.engine.query(
      `SELECT count(gold.window_start)::INTEGER AS windows,
         count(*) FILTER ((gold.revenue, gold.event_count) IS DISTINCT FROM (silver.revenue, silver.event_count))::INTEGER AS unsupported
       FROM ${name}_gold AS gold FULL JOIN ${name}_silver AS silver USING (${KEY})`,
    );
    return { windows: Number(row?.windows ?? 0), unsupported: Number(row?.unsupported ?? 0) };
  }

  /** Compares gold's figures of the two sides. @param finalThrough left has said that windows which end by then are final */
  async compare(
    finalThrough: string | null,
  ): Promise<{ unchanged: number; finalChanged: number; changes: Record<WindowChange["kind"], number> }> {
    const isFinal = finalThrough === null ? "false" : "window_end <= $finalThrough::TIMESTAMPTZ";
    await this.engine.query(
      `CREATE TEMP TABLE window_changes AS
       SELECT *, ${isFinal} AS final, CASE WHEN revenue_before IS NULL THEN 'added' WHEN revenue_after IS NULL THEN 'removed' ELSE 'changed' END AS kind,
         (coalesce(revenue_after, 0) - coalesce(revenue_before, 0))::${AMOUNT} AS revenue,
         coalesce(event_count_after, 0) - coalesce(event_count_before, 0) AS event_count
       FROM (SELECT ${KEY}, l.revenue AS revenue_before, l.event_count AS event_count_before,
               r.revenue AS revenue_after, r.event_count AS event_count_after
             FROM left_gold AS l FULL JOIN right_gold AS r USING (${KEY})
             WHERE (l.revenue, l.event_count) IS DISTINCT FROM (r.revenue, r.event_count))`,
      finalThrough === null ? {} : { finalThrough },
    );
    const kinds = await this.engine.query(
      "SELECT kind, count(*)::INTEGER AS windows, count(*) FILTER (final)::INTEGER AS finals FROM window_changes GROUP BY kind",
    );
    const changes = { added: 0, removed: 0, changed: 0 };
    for (const { kind, windows } of kinds) changes[kind as WindowChange["kind"]] = Number(windows);
    const [left] = await this.engine.query("SELECT count(*)::INTEGER AS windows FROM left_gold");
    return {
      changes,
      unchanged: Number(left?.windows) - changes.removed - changes.changed,
      finalChanged: kinds.reduce((sum, { finals }) => sum + Number(finals), 0),
    };
  }

  /** All windows by currency, those of currencies in which nothing changed too. */
  async currencies(): Promise<CurrencyDifference[]> {
    const total = (side: SideName) =>
      `SELECT currency, sum(revenue)::${AMOUNT} AS revenue, sum(event_count)::BIGINT AS event_count FROM ${side}_gold GROUP BY currency`;
    const totals = await this.engine.query(
      `SELECT currency, coalesce(l.revenue, 0)::${AMOUNT} AS revenue_before, coalesce(l.event_count, 0)::VARCHAR AS event_count_before,
         coalesce(r.revenue, 0)::${AMOUNT} AS revenue_after, coalesce(r.event_count, 0)::VARCHAR AS event_count_after,
         (coalesce(r.revenue, 0) - coalesce(l.revenue, 0))::${AMOUNT} AS revenue, (coalesce(r.event_count, 0) - coalesce(l.event_count, 0))::VARCHAR AS event_count
       FROM (${total("left")}) AS l FULL JOIN (${total("right")}) AS r USING (currency) ORDER BY currency`,
    );
    const changes = await this.engine.query(
      `SELECT currency, coalesce(sum(abs(revenue)), 0)::${AMOUNT} AS moved, ${(["added", "removed", "changed"] as const)
        .map((kind) => `count(*) FILTER (kind = '${kind}')::INTEGER AS ${kind}`)
        .join(", ")} FROM window_changes GROUP BY currency`,
    );
    const largest = await this.engine.query(
      `SELECT * FROM window_changes QUALIFY row_number() OVER (PARTITION BY currency ORDER BY abs(revenue) DESC, window_start, plan_tier, region) = 1`,
    );
    return totals.map((row) => {
      const changed = changes.find(({ currency }) => currency === row.currency);
      const most = largest.find(({ currency }) => currency === row.currency);
      return {
        currency: String(row.currency),
        before: { revenue: String(row.revenue_before), event_count: String(row.event_count_before) },
        after: { revenue: String(row.revenue_after), event_count: String(row.event_count_after) },
        difference: { revenue: String(row.revenue), event_count: String(row.event_count) },
        windows: {
          added: Number(changed?.added ?? 0),
          removed: Number(changed?.removed ?? 0),
          changed: Number(changed?.changed ?? 0),
        },
        moved: String(changed?.moved ?? "0.00"),
        largest: most === undefined ? null : windowChange(most),
      };
    });
  }

  /** The windows that changed most. */
  async changes(): Promise<WindowChange[]> {
    const rows = await this.engine.query(
      `SELECT * FROM window_changes ORDER BY abs(revenue) DESC, ${KEY} LIMIT ${MOST_WINDOWS}`,
    );
    return rows.map(windowChange);
  }
}

/** SQL of accepted records as figures of single events. */
function windowed(silver: SilverSide, condition: string): string {
  const length = `to_milliseconds(${silver.windowMs})`;
  // Without a zone, as the grid of windows begins in 1970, UTC.
  const start = `time_bucket(${length}, event_time::TIMESTAMP, TIMESTAMP '1970-01-01')::TIMESTAMPTZ`;
  return `(SELECT ${start} AS window_start, window_start + ${length} AS window_end, plan_tier, region, currency, amount AS revenue, 1 AS event_count
    FROM ${silver.accepted(DIMENSIONS)} WHERE ${condition})`;
}

/** SQL of the updates of gold that count. */
function updates({ set }: SilverSide, { batch }: Base): string {
  const relation = set.relation(UPDATES, [
    "window_start",
    "window_end",
    "plan_tier",
    "region",
    "currency",
    "revenue",
    "event_count",
    "batch_id",
  ]);
  const none =
    "SELECT NULL::TIMESTAMPTZ AS window_start, NULL::TIMESTAMPTZ AS window_end, NULL::VARCHAR AS plan_tier, NULL::VARCHAR AS region, NULL::VARCHAR AS currency, NULL::DECIMAL(38, 2) AS revenue, NULL::BIGINT AS event_count WHERE false";
  if (relation === undefined || batch === null) return none;
  // Rows without a batch were taken over from another generation, before its first one.
  return `SELECT ${KEY}, revenue, event_count FROM ${relation} WHERE coalesce(batch_id, -1) <= ${batch}`;
}

/** SQL: whether an accepted record is not in the updates. */
function pendingSql({ through, uncounted }: Base): string {
  const counted = Object.entries(through).map(
    ([partition, offset]) => `("partition" = ${Number(partition)} AND "offset" < ${BigInt(offset)})`,
  );
  const later = uncounted.length === 0 ? "" : ` OR override IN (${uncounted.join(", ")})`;
  return `(NOT (${counted.join(" OR ") || "false"})${later})`;
}

function windowChange(row: Row): WindowChange {
  const figure = (side: "before" | "after") =>
    row[`revenue_${side}`] === null
      ? null
      : { revenue: String(row[`revenue_${side}`]), event_count: String(row[`event_count_${side}`]) };
  return {
    kind: row.kind as WindowChange["kind"],
    window_start: String(row.window_start),
    window_end: String(row.window_end),
    plan_tier: String(row.plan_tier),
    region: String(row.region),
    currency: String(row.currency),
    before: figure("before"),
    after: figure("after"),
    difference: { revenue: String(row.revenue), event_count: String(row.event_count) },
    final: row.final === true,
  };
}
