import { identifier, literal } from "./schema.ts";
import type { LiveFile, Snapshot } from "./snapshot.ts";

/** Which files may hold rows of interest, by their partition values. */
export type KeepFile = (partition: LiveFile["partition"]) => boolean;

/**
 * SQL of a relation with exactly the rows of one version: its live files by name, never a pattern.
 *
 * Partition values come from the log: writers may or may not repeat them in the files (Delta 4.4 does). A typed relation without rows stands first: it gives an empty table its columns, and
 * fills those that old files do not have yet with NULL.
 * @param root the table's folder
 * @param wanted names of columns; partition columns that are not wanted cost nothing
 * @param keep leaves out files whose partition cannot matter
 */
export function relationSql(
  snapshot: Snapshot,
  root: string,
  wanted: readonly string[],
  keep: KeepFile = () => true,
): string {
  const columns = wanted.map((name) => {
    const column = snapshot.columns.find((candidate) => candidate.name === name);
    if (column === undefined) throw new Error(`${snapshot.table} has no column ${name}`);
    return column;
  });
  const partitions = columns.filter(({ name }) => snapshot.partitionColumns.includes(name));
  const groups = new Map<string, string[]>();
  for (const file of snapshot.files.values()) {
    if (!keep(file.partition)) continue;
    const values = partitions
      .map(({ name, type }) => `${partitionLiteral(file.partition[name], type)} AS ${identifier(name)}`)
      .join(", ");
    const paths = groups.get(values);
    if (paths === undefined) groups.set(values, [`${root}/${file.path}`]);
    else paths.push(`${root}/${file.path}`);
  }
  const empty = `SELECT ${columns.map(({ name, type }) => `NULL::${type} AS ${identifier(name)}`).join(", ")} WHERE false`;
  const others =
    snapshot.partitionColumns.length === 0
      ? "*"
      : `COLUMNS(name -> name NOT IN (${snapshot.partitionColumns.map(literal).join(", ")}))`;
  const reads = [...groups].map(([values, paths]) => {
    const list = paths.map(literal).join(", ");
    return `SELECT ${values === "" ? "" : `${values}, `}${others} FROM read_parquet([${list}], union_by_name = true, hive_partitioning = false)`;
  });
  const union = [empty, ...reads].join("\nUNION ALL BY NAME ");
  return `(SELECT ${columns.map(({ name, type }) => `${identifier(name)}::${type} AS ${identifier(name)}`).join(", ")} FROM (${union}))`;
}

function partitionLiteral(value: string | null | undefined, type: string): string {
  // By Delta's protocol an empty text stands for NULL.
  return value == null || value === "" ? `NULL::${type}` : `${literal(value)}::${type}`;
}
