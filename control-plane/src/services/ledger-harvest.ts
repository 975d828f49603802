import { relative } from "node:path";
import { type CommitSummary, commitsIn, summariseCommit } from "../domain/delta/history.ts";
import { commitName } from "../domain/delta/log-files.ts";
import type { Alerts } from "./alerts.ts";
import type { LogReader } from "./delta-table.ts";
import type { LedgerStore, LoggedCommit } from "./ledger.ts";
import type { Log } from "./log.ts";
import type { Clock } from "./ports.ts";
import { saidOnce } from "./said-once.ts";

const EVERY_MS = 5_000;
/** Saved in one transaction. */
const AT_ONCE = 100;
/** A runner tells of its commits within a heartbeat, and knows how long each batch took. */
const RUNNER_FIRST_MS = 3_000;
/** What lasts must alarm; what a restart of Postgres mends must not. */
const STANDSTILL_MS = 3 * 60_000;

/** A table of one generation. */
export interface FollowedTable {
  table: string;
  /** what it is called in messages: `silver.sales_events@2` where another generation's is live */
  label: string;
  /** absolute folder */
  root: string;
}

/**
 * Follows each table's log and saves the ledger entries that no runner has told of: its buffer is bounded, and it may die.
 *
 * Log clean-up takes a commit only once this has seen it (`harvested` of an assignment).
 */
export class LedgerHarvest {
  private readonly followed: () => Promise<FollowedTable[]>;
  private readonly lakeDir: string;
  private readonly tables: LogReader;
  private readonly store: LedgerStore;
  private readonly alerts: Pick<Alerts, "observe">;
  private readonly clock: Clock;
  private readonly log: Log;
  /** by folder below the lake; null while it was not asked for */
  private versions: Map<string, number> | null = null;
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> | null = null;
  private stopping = false;
  private readonly attempt: () => Promise<void>;
  /** tables whose log could not be harvested, and since when */
  private readonly standing = new Map<string, { since: number; text: string }>();
  /** tables of which it was said in this term that they go on */
  private readonly going = new Set<string>();

  constructor(deps: {
    followed: () => Promise<FollowedTable[]>;
    lakeDir: string;
    tables: LogReader;
    store: LedgerStore;
    alerts: Pick<Alerts, "observe">;
    clock: Clock;
    log: Log;
  }) {
    this.followed = deps.followed;
    this.lakeDir = deps.lakeDir;
    this.tables = deps.tables;
    this.store = deps.store;
    this.alerts = deps.alerts;
    this.clock = deps.clock;
    this.log = deps.log;
    this.attempt = saidOnce(() => this.round(), deps.log, "cannot save the tables' ledger entries");
  }

  start(): void {
    this.stopping = false;
    this.timer ??= setInterval(() => void this.attempt(), EVERY_MS);
    void this.attempt();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    await this.running?.catch(() => undefined);
    // Another control plane may harvest from now on.
    this.versions = null;
    this.standing.clear();
    this.going.clear();
  }

  /** The version of the table in a folder below the lake up to which every entry is saved; null where that is not known. */
  harvested(path: string): number | null {
    return this.versions?.get(path) ?? null;
  }

  /** Brings every table up to its newest commit but for those of the last seconds. One round runs at a time; who asks meanwhile waits for it. */
  round(runnerFirstMs = RUNNER_FIRST_MS): Promise<void> {
    this.running ??= this.harvestAll(runnerFirstMs).finally(() => {
      this.running = null;
    });
    return this.running;
  }

  private async harvestAll(runnerFirstMs: number): Promise<void> {
    const versions = this.versions ?? (await this.store.harvested());
    this.versions = versions;
    for (const followed of await this.followed()) {
      try {
        await this.harvestTable(versions, followed, runnerFirstMs);
        await this.goesOn(followed.label);
      } catch (error) {
        // A table that cannot be read must not hold up the others.
        await this.standsStill(followed.label, error);
      }
    }
  }

  private async goesOn(table: string): Promise<void> {
    this.standing.delete(table);
    if (this.going.has(table)) return;
    await this.observe(table, false, "Every commit is being saved again.");
    this.going.add(table);
  }

  private async standsStill(table: string, error: unknown): Promise<void> {
    const text = error instanceof Error ? error.message : String(error);
    const now = this.clock.now().getTime();
    const before = this.standing.get(table);
    const since = before?.since ?? now;
    if (text !== before?.text) this.log.warn({ err: error, table }, "cannot save a table's ledger entries");
    this.standing.set(table, { since, text });
    this.going.delete(table);
    if (now - since < STANDSTILL_MS) return;
    const detail = `No commit of ${table} was saved since ${new Date(since).toISOString()}: ${text}`;
    await this.observe(table, true, detail);
  }

  private observe(table: string, failing: boolean, detail: string): Promise<void> {
    return this.alerts.observe({
      key: `ledger.harvest:${table}`,
      severity: "critical",
      title: `${table}: ledger entries are not saved`,
      detail,
      subjects: [table],
      failing,
    });
  }

  private async harvestTable(
    versions: Map<string, number>,
    { table, label, root }: FollowedTable,
    runnerFirstMs: number,
  ): Promise<void> {
    const path = relative(this.lakeDir, root);
    const seen = versions.get(path) ?? -1;
    const fresh = commitsIn(await this.tables.list(root)).filter((version) => version > seen);
    const first = fresh[0] ?? seen + 1;
    if (first > seen + 1) {
      this.log.warn(
        { table: label, from: seen + 1, to: first - 1 },
        "commits were gone before their ledger entries were saved",
      );
    }
    const settled = this.clock.now().getTime() - runnerFirstMs;
    for (let start = 0; start < fresh.length && !this.stopping; start += AT_ONCE) {
      const commits = await this.read(table, root, fresh.slice(start, start + AT_ONCE));
      const young = commits.findIndex(({ at }) => (at ?? 0) > settled);
      const taken = young < 0 ? commits : commits.slice(0, young);
      const newest = taken.at(-1)?.version;
      if (newest === undefined) return;
      await this.store.harvest({ path, table }, newest, await this.withEntries(root, taken));
      versions.set(path, newest);
      if (young >= 0) return;
    }
  }

  private async read(table: string, root: string, versions: readonly number[]): Promise<CommitSummary[]> {
    const commits: CommitSummary[] = [];
    for (const version of versions) {
      const text = await this.tables.read(root, commitName(version));
      // Removed between listing and reading: then the next round begins behind it.
      if (text === undefined) break;
      commits.push(summariseCommit(table, version, text));
    }
    return commits;
  }

  /** Takeovers and changes of settings have no entry: they move no position. */
  private async withEntries(root: string, commits: readonly CommitSummary[]): Promise<LoggedCommit[]> {
    const logged: LoggedCommit[] = [];
    for (const { version, at, entry } of commits) {
      if (entry === null) continue;
      // When readers saw it first, as runners report it; the time within a commit was taken before it was made.
      const seen = await this.tables.writtenAt(root, commitName(version));
      logged.push({ version, at: seen ?? new Date(at ?? 0), entry });
    }
    return logged;
  }
}
