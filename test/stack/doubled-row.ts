import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { commitsIn } from "../../control-plane/src/domain/delta/history.ts";
import { commitName } from "../../control-plane/src/domain/delta/log-files.ts";

interface Add {
  path: string;
  partitionValues: Record<string, string | null>;
}

/** A row that is in a table twice, until that is undone. */
export interface DoubledRow {
  partition: number;
  offset: string;
  /** the data file that holds it once more */
  file: string;
  undo(): void;
}

/**
 * Commits a data file that holds a row of the table once more, as a compaction that went wrong would: queries that stream
 * from the table are told of no change of data, so that the damage stays where it is and can be undone.
 *
 * To be called, and undone, while no job writes the table: compaction would take the second row along.
 * @param root folder of the table
 * @param partition which of its rows, by the table's partition columns
 */
export async function doubleRow(root: string, partition: Record<string, string>): Promise<DoubledRow> {
  const log = join(root, "_delta_log");
  const version = Math.max(...commitsIn(readdirSync(log)));
  const source = newestFile(log, version, partition);
  const path = join(source.slice(0, source.lastIndexOf("/")), "part-doubled.parquet");
  const [row] = await copyOfOne(join(root, decodeURIComponent(source)), join(root, path));
  const file = { path, partitionValues: partition, size: statSync(join(root, path)).size, dataChange: false };
  commit(log, version + 1, { add: { ...file, modificationTime: Date.now() } });
  return {
    partition: Number(row?.partition),
    offset: String(row?.offset),
    file: path,
    undo() {
      commit(log, version + 2, { remove: { ...file, deletionTimestamp: Date.now() } });
      rmSync(join(root, path));
    },
  };
}

/** The file that was added last: nothing can have taken it away since. */
function newestFile(log: string, version: number, partition: Record<string, string>): string {
  for (let at = version; at >= 0; at -= 1) {
    const actions = readFileSync(join(log, commitName(at)), "utf8")
      .trim()
      .split("\n");
    const added = actions.flatMap((line) => (JSON.parse(line) as { add?: Add }).add ?? []);
    const found = added.find(({ partitionValues }) =>
      Object.entries(partition).every(([name, value]) => partitionValues[name] === value),
    );
    if (found !== undefined) return found.path;
  }
  throw new Error(`No file of ${JSON.stringify(partition)} was ever added in ${log}.`);
}

async function copyOfOne(source: string, copy: string): Promise<{ partition?: unknown; offset?: unknown }[]> {
  const writer = await (await DuckDBInstance.create(":memory:")).connect();
  try {
    await writer.run("SET TimeZone = 'UTC'");
    const row = `SELECT * FROM read_parquet('${source}', hive_partitioning = false) ORDER BY partition, "offset" LIMIT 1`;
    await writer.run(`COPY (${row}) TO '${copy}' (FORMAT parquet)`);
    return (await writer.runAndReadAll(`SELECT partition, "offset" FROM '${copy}'`)).getRowObjects();
  } finally {
    writer.closeSync();
  }
}

/** Fails where somebody else has made that commit. */
function commit(log: string, version: number, action: object): void {
  const info = { commitInfo: { timestamp: Date.now(), operation: "OPTIMIZE", engineInfo: "a test" } };
  const lines = [info, action].map((line) => `${JSON.stringify(line)}\n`);
  writeFileSync(join(log, commitName(version)), lines.join(""), { flag: "wx" });
}
