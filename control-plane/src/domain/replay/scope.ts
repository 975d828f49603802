import { tablePath } from "../layout.ts";
import type { JobSpec } from "../specs/job-spec.ts";

type Flow = Pick<JobSpec, "reads" | "writes">;

/** What a replay makes anew and what its generation shares with the one before. */
export interface ReplayScope {
  /** the replayed job, then all jobs downstream of it, each after those that it reads from */
  jobs: string[];
  /** tables that are made anew */
  rebuilt: string[];
  /** tables that keep their present place */
  shared: string[];
}

/**
 * The job and everything downstream of it, by what jobs read and write.
 * @param tables all tables of the present generation
 */
export function scopeOf(job: string, jobs: Readonly<Record<string, Flow>>, tables: readonly string[]): ReplayScope {
  const found = new Set<string>();
  let next = [job];
  while (next.length > 0) {
    for (const id of next) found.add(id);
    const written = new Set(next.flatMap((id) => jobs[id]?.writes ?? []));
    next = Object.keys(jobs)
      .filter((id) => !found.has(id) && jobs[id]?.reads.some((table) => written.has(table)))
      .sort();
  }
  const ordered = inOrder([...found], jobs);
  const rebuilt = ordered.flatMap((id) => jobs[id]?.writes ?? []);
  return { jobs: ordered, rebuilt, shared: tables.filter((table) => !rebuilt.includes(table)) };
}

/** The map of a new generation: what is made anew gets places of its own. */
export function tablesOf(
  generation: number,
  parent: Readonly<Record<string, string>>,
  { rebuilt }: Pick<ReplayScope, "rebuilt">,
): Record<string, string> {
  return { ...parent, ...Object.fromEntries(rebuilt.map((table) => [table, tablePath(generation, table)])) };
}

/** Each job after those whose tables it reads. */
function inOrder(ids: readonly string[], jobs: Readonly<Record<string, Flow>>): string[] {
  const ordered: string[] = [];
  let rest = [...ids];
  while (rest.length > 0) {
    const waiting = new Set(rest.flatMap((id) => jobs[id]?.writes ?? []));
    const ready = rest.filter((id) => !jobs[id]?.reads.some((table) => waiting.has(table)));
    // Jobs that read each other's tables have no order: they come as they are.
    const taken = ready.length > 0 ? ready : rest;
    ordered.push(...taken);
    rest = rest.filter((id) => !taken.includes(id));
  }
  return ordered;
}
