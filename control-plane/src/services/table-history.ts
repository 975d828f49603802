import { type CommitSummary, commitsIn, summariseCommit } from "../domain/delta/history.ts";
import { commitName } from "../domain/delta/log-files.ts";
import type { LogReader } from "./delta-table.ts";

/** More commits than these are not read for one answer. */
const READ_AT_MOST = 500;
const KEPT = 2_000;

/** Reads tables commit by commit, straight from their logs; what was read is remembered, as commits never change. */
export class TableHistory {
  private readonly log: LogReader;
  private readonly known = new Map<string, CommitSummary>();

  constructor(log: LogReader) {
    this.log = log;
  }

  /** null while there is no table */
  async newestVersion(root: string): Promise<number | null> {
    return commitsIn(await this.log.list(root)).at(-1) ?? null;
  }

  /**
   * The commits after a version, oldest first.
   * @returns null where they cannot all be read: too many, or removed by log clean-up
   */
  async after(table: string, root: string, version: number): Promise<CommitSummary[] | null> {
    const newest = (await this.newestVersion(root)) ?? version;
    if (newest - version > READ_AT_MOST) return null;
    const commits: CommitSummary[] = [];
    for (let next = version + 1; next <= newest; next += 1) {
      const commit = await this.commit(table, root, next);
      if (commit === null) return null;
      commits.push(commit);
    }
    return commits;
  }

  /** The newest commit with an accepted ledger entry; null when the commits that are still there have none. */
  async newestEntry(
    table: string,
    root: string,
    accept: (entry: Record<string, unknown>) => boolean,
  ): Promise<CommitSummary | null> {
    const versions = commitsIn(await this.log.list(root)).slice(-READ_AT_MOST);
    for (const version of versions.reverse()) {
      const commit = await this.commit(table, root, version);
      if (commit?.entry != null && accept(commit.entry)) return commit;
    }
    return null;
  }

  private async commit(table: string, root: string, version: number): Promise<CommitSummary | null> {
    const key = `${root}@${version}`;
    const remembered = this.known.get(key);
    if (remembered !== undefined) return remembered;
    const text = await this.log.read(root, commitName(version));
    if (text === undefined) return null;
    const commit = summariseCommit(table, version, text);
    this.known.set(key, commit);
    const oldest = this.known.keys().next().value;
    if (this.known.size > KEPT && oldest !== undefined) this.known.delete(oldest);
    return commit;
  }
}
