import { generationOf } from "../../domain/layout.ts";
import type { FollowedTable } from "../ledger-harvest.ts";
import type { CatalogStore } from "../ports.ts";

/** The tables of all generations whose files are there, each once: a shadow's are written, and what was written last into a kept one's is told late. */
export async function followedTables(
  catalog: Pick<CatalogStore, "generations">,
  pipeline: string,
  lakeDir: string,
): Promise<FollowedTable[]> {
  const generations = (await catalog.generations(pipeline)).filter(({ isGone }) => !isGone);
  const live = new Set(generations.filter((each) => each.live).flatMap(({ tables }) => Object.values(tables)));
  const byPath = new Map(
    generations.flatMap(({ tables }) => Object.entries(tables).map(([table, path]) => [path, table] as const)),
  );
  return [...byPath].map(([path, table]) => ({
    table,
    label: live.has(path) ? table : `${table}@${generationOf(path)}`,
    root: `${lakeDir}/${path}`,
  }));
}
