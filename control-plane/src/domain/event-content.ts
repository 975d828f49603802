/** Silver's columns that make up what an event says; when it was sent and how it travelled is not part of it. */
export const CONTENT_COLUMNS = [
  "event_time",
  "account_id",
  "event_type",
  "plan_tier",
  "region",
  "currency",
  "amount",
  "user_id",
  "source",
] as const;

/** SQL: whether two rows of silver, by their aliases, say the same. */
export function sameContent(one: string, other: string): string {
  return CONTENT_COLUMNS.map((column) => `${one}.${column} IS NOT DISTINCT FROM ${other}.${column}`).join(" AND ");
}
