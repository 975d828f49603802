import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openDuckDb } from "../../control-plane/src/adapters/duckdb.ts";
import { lakeFiles } from "../../control-plane/src/adapters/lake-files.ts";
import type { Row } from "../../control-plane/src/services/query-engine.ts";
import { createSnapshots } from "../../control-plane/src/services/snapshots.ts";
import type { Stack } from "./stack.ts";

/** Rows of a table of a stack's live generation, by `lake/live.json` and the files alone. @param sql what follows the name of the table */
export async function lakeRows(stack: Stack, table: string, sql: string): Promise<Row[]> {
  const lake = join(stack.stateDir, "lake");
  const live = JSON.parse(readFileSync(join(lake, "live.json"), "utf8")) as {
    generation: number;
    tables: Record<string, string>;
  };
  const paths = Object.fromEntries(Object.entries(live.tables).map(([name, path]) => [name, join(lake, path)]));
  const engine = await openDuckDb({ folders: [lake] });
  try {
    const generations = { live: async () => ({ generation: live.generation, paths }) };
    const snapshots = createSnapshots({ generations, log: lakeFiles(), engine });
    return await snapshots.read([table], async (set) => {
      const columns = set.snapshot(table)?.columns.map(({ name }) => name) ?? [];
      return set.query(`SELECT * FROM ${set.relation(table, columns)} ${sql}`);
    });
  } finally {
    engine.close();
  }
}
