import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

interface Commit {
  version: number;
  job: string;
  epoch: number;
}

/**
 * Looks for a run that wrote after its successor had written.
 * @param table a Delta table's folder
 * @returns what is wrong, as sentences; none when the epochs of each job only rise
 */
export function interleavedEpochs(table: string): string[] {
  const highest = new Map<string, Commit>();
  const found: string[] = [];
  for (const commit of commits(table)) {
    const before = highest.get(commit.job);
    if (before !== undefined && commit.epoch < before.epoch) {
      found.push(
        `${commit.job} wrote version ${commit.version} with epoch ${commit.epoch} after version ${before.version} with epoch ${before.epoch}`,
      );
    } else highest.set(commit.job, commit);
  }
  return found;
}

/** Commits of jobs in the order of their versions; those that the log has forgotten are left out. */
function commits(table: string): Commit[] {
  const log = join(table, "_delta_log");
  const names = readdirSync(log).filter((name) => /^\d{20}\.json$/.test(name));
  return names.sort().flatMap((name) => {
    const lines = readFileSync(join(log, name), "utf8").trim().split("\n");
    const info = lines.map((line) => JSON.parse(line).commitInfo).find((value) => value !== undefined);
    if (info?.userMetadata === undefined) return [];
    const { job, epoch } = JSON.parse(info.userMetadata);
    return [{ version: Number(name.slice(0, 20)), job: String(job), epoch: Number(epoch) }];
  });
}
