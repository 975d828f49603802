import { type Column, identifier, literal } from "./schema.ts";
import type { LiveFile, Snapshot } from "./snapshot.ts";

/** Which files may hold rows of interest, by their partition values. */
export type KeepFile = (partition: LiveFile["partition"]) => boolean;

/**
 * SQL of a relation with exactly the rows of one version: its live files by name, never a pattern.
 *
 * Partition values come from the log: writers may or may not repeat them in the files (Delta 4.4 does). What the columns are comes from the log, too, so that no file is opened before
 * it is read; a column that old files do not have yet is NULL in them. A typed relation without rows stands first: it gives an empty table its columns.
 * @param root the table's folder
 * @param wanted names of columns; partition columns that are not wanted cost nothing
 * @param keep leaves out files whose partition cannot matter
 * @param pathColumn adds a column of that name with the path of each row's file
 */
export function relationSql(
  snapshot: Snapshot,
  root: string,
  wanted: readonly string[],
  keep: KeepFile = () => true,
  pathColumn?: string,
): string {
  const columns = wanted.map((name) => {
    const column = snapshot.columns.find((candidate) => candidate.name === name);
    if (column === undefined) throw new Error(`${snapshot.table} has no column ${name}`);
    return column;
  });
  const isPartition = ({ name }: Column) => snapshot.partitionColumns.includes(name);
  const partitions = columns.filter(isPartition);
  const inFiles = columns.filter((column) => !isPartition(column));
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
  const ofFile = pathColumn === undefined ? "" : `, filename AS ${identifier(pathColumn)}`;
  const empty = `SELECT ${columns.map(({ name, type }) => `NULL::${type} AS ${identifier(name)}`).join(", ")}${ofFile.replace("filename", "NULL::VARCHAR")} WHERE false`;
  const reads = [...groups].map(([values, paths]) => {
    const selected = [values, ...inFiles.map(({ name }) => identifier(name))].filter((part) => part !== "").join(", ");
    return `SELECT ${selected}${ofFile} FROM read_parquet([${paths.map(literal).join(", ")}]${fileSchema(inFiles)}, hive_partitioning = false)`;
  });
  return `(${[empty, ...reads].join("\nUNION ALL BY NAME ")})`;
}

/** What to find in the files, by name; files need not be asked what they have. Nothing where only their rows count. */
function fileSchema(columns: readonly Column[]): string {
  if (columns.length === 0) return "";
  const entries = columns.map(
    ({ name, type }) => `${literal(name)}: {name: ${literal(name)}, type: ${literal(type)}, default_value: NULL}`,
  );
  return `, schema = MAP {${entries.join(", ")}}`;
}

function partitionLiteral(value: string | null | undefined, type: string): string {
  // By Delta's protocol an empty text stands for NULL.
  return value == null || value === "" ? `NULL::${type}` : `${literal(value)}::${type}`;
}
