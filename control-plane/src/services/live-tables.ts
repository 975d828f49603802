import { Problem } from "../domain/problem.ts";
import type { CatalogStore } from "./ports.ts";
import type { Generations } from "./snapshots.ts";

/** Where the tables of the live generation lie, asked anew for each answer. */
export function liveTables(catalog: CatalogStore, pipeline: string, lakeDir: string): Generations {
  return {
    async live() {
      const generation = await catalog.liveGeneration(pipeline);
      if (generation === null) {
        throw new Problem({
          status: 503,
          code: "not_ready",
          title: "The control plane is starting",
          detail: `Pipeline ${pipeline} has no tables yet.`,
          next: "GET /readyz says what it waits for.",
        });
      }
      const paths = Object.entries(generation.tables).map(([table, path]) => [table, `${lakeDir}/${path}`]);
      return { generation: generation.number, paths: Object.fromEntries(paths) };
    },
  };
}
