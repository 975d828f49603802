import { formatInstant } from "../domain/delta/instant.ts";
import { invalidRequest, Problem } from "../domain/problem.ts";
import type { CatalogStore } from "./ports.ts";
import type { Generations } from "./snapshots.ts";

/** Where the tables of the live generation lie, asked anew for each answer. */
export function liveTables(catalog: CatalogStore, pipeline: string, lakeDir: string): Generations {
  return {
    async live(at) {
      const generation = await catalog.generationAt(pipeline, at ?? null);
      if (generation === null) throw notReady(pipeline);
      if (at !== undefined && generation.isGone) throw await forgotten(catalog, pipeline, at, generation.number);
      const paths = Object.entries(generation.tables).map(([table, path]) => [table, `${lakeDir}/${path}`]);
      const { number, since, rules } = generation;
      return { generation: number, since, rules, paths: Object.fromEntries(paths) };
    },
  };
}

function notReady(pipeline: string): Problem {
  return new Problem({
    status: 503,
    code: "not_ready",
    title: "The control plane is starting",
    detail: `Pipeline ${pipeline} has no tables yet.`,
    next: "GET /readyz says what it waits for.",
  });
}

/** What was answered then was read from files that are no more. */
async function forgotten(catalog: CatalogStore, pipeline: string, at: Date, number: number): Promise<Problem> {
  const now = await catalog.generationAt(pipeline, null);
  const since = now === null ? "now" : `${instant(now.since)}, since when generation ${now.number} is live`;
  const expected = `${since}, or later: generation ${number}, which was live then, has been deleted`;
  return invalidRequest([{ field: "as_of", value: instant(at), expected }]);
}

function instant(at: Date): string {
  return formatInstant(BigInt(at.getTime()) * 1000n);
}
