import { checkpointPath, generationOf, tablePath } from "./layout.ts";

/** What of a job decides where it belongs. */
export interface Writer {
  id: string;
  writes: readonly string[];
}

/** Table to folder below the lake. */
export type TableMap = Readonly<Record<string, string>>;

/** The name under which a shadow of a job is known to people; runners and tables know it by the job's own. */
export function shadowId(job: string, generation: number): string {
  return `${job}@${generation}`;
}

/**
 * The generation of a job's tables, and so of its checkpoint, its ledger and its runs: where a replay did not touch the
 * job this is an older one than that of the map.
 */
export function generationOfJob(writes: readonly string[], tables: TableMap): number | undefined {
  const path = tables[writes[0] ?? ""];
  return path === undefined ? undefined : generationOf(path);
}

/** The tables of a new generation: replayed jobs write new ones, all others are shared. */
export function replayedTables(number: number, parent: TableMap, replayed: readonly Writer[]): Record<string, string> {
  const own = replayed.flatMap(({ writes }) => writes.map((table) => [table, tablePath(number, table)] as const));
  return { ...parent, ...Object.fromEntries(own) };
}

/** The jobs whose tables are others in one generation than in another. */
export function differingJobs(jobs: readonly Writer[], one: TableMap, other: TableMap): string[] {
  return jobs.filter(({ writes }) => writes.some((table) => one[table] !== other[table])).map(({ id }) => id);
}

/** What lies in the lake and among the checkpoints for a generation alone. */
export interface Leftovers {
  /** folders below the lake */
  tables: string[];
  /** folders below that of the checkpoints; what belongs to one goes along */
  checkpoints: string[];
}

/** What can be deleted with a generation. @param others the tables of all generations that are not collected */
export function leftoversOf(tables: TableMap, others: readonly TableMap[], jobs: readonly Writer[]): Leftovers {
  const shared = new Set(others.flatMap((map) => Object.values(map)));
  const own = Object.entries(tables).filter(([, path]) => !shared.has(path));
  const writers = jobs.filter(({ writes }) => own.some(([table]) => table === writes[0]));
  return {
    tables: own.map(([, path]) => path),
    checkpoints: writers.flatMap(({ id, writes }) => {
      const generation = generationOfJob(writes, tables);
      return generation === undefined ? [] : [checkpointPath(generation, id)];
    }),
  };
}
