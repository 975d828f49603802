import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseCommit } from "../../control-plane/src/domain/delta/actions.ts";
import type { Step } from "../../control-plane/src/domain/delta/snapshot.ts";
import { staleCommits } from "./stale-commits.ts";

/**
 * Looks for a run that wrote after its successor had written or had taken the table over.
 * @param table a Delta table's folder
 * @returns what is wrong, as sentences; none when the epochs of each job only rise
 */
export function interleavedEpochs(table: string): string[] {
  return staleCommits(commits(table)).map(
    ({ job, version, epoch, replacedBy }) =>
      `${job} wrote version ${version} with epoch ${epoch} after version ${replacedBy.version} with epoch ${replacedBy.epoch}`,
  );
}

/** The commits in the order of their versions; those that the log has forgotten are left out. */
function commits(table: string): Step[] {
  const log = join(table, "_delta_log");
  const names = readdirSync(log).filter((name) => /^\d{20}\.json$/.test(name));
  return names.sort().map((name) => {
    const version = Number(name.slice(0, 20));
    return { version, actions: parseCommit(table, version, readFileSync(join(log, name), "utf8")) };
  });
}
