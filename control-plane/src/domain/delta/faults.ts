import { Problem } from "../problem.ts";

/**
 * A table uses something that this reader does not implement; reading on would give wrong rows.
 * @param feature the name of the feature, as Delta's protocol writes it
 */
export function unsupportedTable(table: string, feature: string, detail: string): Problem {
  return new Problem({
    status: 501,
    code: "unsupported_table",
    title: "The table uses a feature that is not supported",
    detail: `${table}: ${feature}: ${detail}`,
    next: `Read ${table} with Spark, or write it again without ${feature}.`,
  });
}

/** The log contradicts itself or lacks a part; an answer would be a guess. */
export function damagedTable(table: string, detail: string, cause?: unknown): Problem {
  return new Problem(
    {
      status: 500,
      code: "damaged_table",
      title: "The table's log is damaged",
      detail: `${table}: ${detail}`,
      next: `Look at the files of ${table}/_delta_log; restore the missing or broken one from a backup, or begin anew with npm run reset, which deletes all data.`,
    },
    { cause },
  );
}
