import { literal } from "../delta/schema.ts";

const KEY = "window_start, window_end, plan_tier, region, currency";

/**
 * The view `gold`: the latest revision of final figures, and the summed updates of windows that are not final yet.
 * @param finalThrough every window that ends at or before it is final; null while none is
 */
export function goldSql(finalThrough: string | null): string {
  const after = finalThrough === null ? "true" : `window_end > ${instant(finalThrough)}`;
  const provisional = `SELECT ${KEY}, sum(revenue)::DECIMAL(38,2) AS revenue, sum(event_count)::BIGINT AS event_count,
    'provisional' AS status, NULL::INTEGER AS revision FROM gold_updates WHERE ${after} GROUP BY ALL`;
  if (finalThrough === null) return provisional;
  return `SELECT ${KEY}, arg_max(revenue, revision)::DECIMAL(38,2) AS revenue, arg_max(event_count, revision)::BIGINT AS event_count,
    'final' AS status, max(revision)::INTEGER AS revision FROM gold_final WHERE window_end <= ${instant(finalThrough)} GROUP BY ALL
    UNION ALL ${provisional}`;
}

function instant(text: string): string {
  return `${literal(text)}::TIMESTAMPTZ`;
}
