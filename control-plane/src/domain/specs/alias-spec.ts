import { DIMENSIONS } from "../revenue/dimensions.ts";
import type { StrictReader } from "../strict-reader.ts";

/** The columns of an event whose values are given by the contract, in their normal form. */
export const DOMAINS = {
  event_type: ["subscription_created", "renewal", "upgrade", "refund", "chargeback"],
  ...DIMENSIONS,
  source: ["web", "mobile", "backend", "billing"],
} as const;

export type AliasColumn = keyof typeof DOMAINS;

/** What stands for a value of the contract, by column: normal form → value. */
export type Aliases = Partial<Record<AliasColumn, Record<string, string>>>;

const UPPER: readonly string[] = ["region", "currency"];

/** Reads `parameters.aliases` of a manifest. A value of the contract cannot stand for another one. */
export function readAliases(map: StrictReader): Aliases {
  const columns = Object.keys(DOMAINS) as AliasColumn[];
  const aliases = columns.filter((column) => map.has(column)).map((column) => [column, readColumn(map, column)]);
  map.refuseUnknownKeys(columns);
  return Object.fromEntries(aliases);
}

function readColumn(map: StrictReader, column: AliasColumn): Record<string, string> {
  const [domain, entries]: [readonly string[], StrictReader] = [DOMAINS[column], map.map(column)];
  return Object.fromEntries(
    entries.keys().map((alias) => {
      if (domain.includes(alias)) entries.complain(alias, undefined, "a text that is no value of its own");
      else if (alias !== normalForm(column, alias)) {
        entries.complain(alias, undefined, `the form in which silver compares: ${normalForm(column, alias)}`);
      }
      return [alias, entries.oneOf(alias, domain)];
    }),
  );
}

/** As silver makes it of a field: without spaces around it, and in one case. */
function normalForm(column: AliasColumn, text: string): string {
  const trimmed = text.replace(/^ +| +$/g, "");
  return UPPER.includes(column) ? trimmed.toUpperCase() : trimmed.toLowerCase();
}
