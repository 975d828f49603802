import { CONTENT_COLUMNS } from "./event-fields.ts";

/** SQL: whether two rows of silver, by their aliases, say the same. */
export function sameContent(one: string, other: string): string {
  return CONTENT_COLUMNS.map((column) => `${one}.${column} IS NOT DISTINCT FROM ${other}.${column}`).join(" AND ");
}
