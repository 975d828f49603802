import { parseCommit } from "../../domain/delta/actions.ts";
import { type LedgerEntry, parseLedgerEntry, readLedgerEntry } from "../../domain/delta/ledger-entry.ts";
import { commitName } from "../../domain/delta/log-files.ts";
import type { LogReader } from "../delta-table.ts";
import type { LedgerRow } from "../rows.ts";
import type { SnapshotSet } from "../snapshots.ts";
import type { CommitFilter, CommitStore } from "./ports.ts";

/** A batch, or the summing-up of final windows, as one commit of one table. */
export interface Commit {
  job: string;
  epoch: number;
  batch: number;
  version: number;
  at: Date;
  entry: LedgerEntry;
}

export type CommitQuery = Omit<CommitFilter, "generation">;

/** More commits than these do not wait to be heard of. */
const READ_AT_MOST = 500;

/**
 * The commits of the tables of one answer: from the ledger, and from a table's log those that the ledger has not heard of
 * yet, because runners report them a moment later.
 */
export class Commits {
  private readonly unheard = new Map<string, Promise<Commit[]>>();
  private readonly store: CommitStore;
  private readonly log: LogReader;
  private readonly set: SnapshotSet;

  constructor(store: CommitStore, log: LogReader, set: SnapshotSet) {
    this.store = store;
    this.log = log;
    this.set = set;
  }

  async find(query: CommitQuery): Promise<Commit[]> {
    const [heard, unheard] = await Promise.all([
      this.store.find({ ...query, generation: this.set.generationOf(query.table) }),
      this.unheardOf(query.table, query.kind),
    ]);
    const found = [...heard.flatMap(fromRow), ...unheard.filter((commit) => matches(commit, query))];
    const sign = query.order === "newest" ? -1 : 1;
    const position = (commit: Commit) => (query.by === "time" ? commit.at.getTime() : commit.batch);
    return found
      .sort((a, b) => sign * (position(a) - position(b) || a.version - b.version))
      .filter(({ version }, at, all) => at === 0 || all[at - 1]?.version !== version)
      .slice(0, query.limit);
  }

  async first(query: Omit<CommitQuery, "limit">): Promise<Commit | undefined> {
    return (await this.find({ ...query, limit: 1 }))[0];
  }

  /** When a commit was made, by its file; undefined when that is gone. */
  async writtenAt(table: string, version: number): Promise<Date | undefined> {
    return this.log.writtenAt(this.set.root(table), commitName(version));
  }

  private unheardOf(table: string, kind: CommitFilter["kind"]): Promise<Commit[]> {
    const known = this.unheard.get(`${kind} ${table}`) ?? this.readUnheard(table, kind);
    this.unheard.set(`${kind} ${table}`, known);
    return known;
  }

  private async readUnheard(table: string, kind: CommitFilter["kind"]): Promise<Commit[]> {
    const newest = this.set.snapshot(table)?.version ?? -1;
    const [heard] = await this.store.find({
      generation: this.set.generationOf(table),
      ...{ table, kind, by: "batch", order: "newest", limit: 1 },
    });
    const first = Math.max(heard === undefined ? 0 : Number(heard.version) + 1, newest - READ_AT_MOST + 1);
    const versions = Array.from({ length: Math.max(0, newest - first + 1) }, (_, at) => first + at);
    const commits = await Promise.all(versions.map((version) => this.readCommit(table, version)));
    return commits.filter((commit) => commit !== undefined).filter(({ entry }) => entry.kind === kind);
  }

  /** Undefined for commits of others, and for those that log clean-up has taken. */
  private async readCommit(table: string, version: number): Promise<Commit | undefined> {
    const text = await this.log.read(this.set.root(table), commitName(version));
    const at = await this.writtenAt(table, version);
    if (text === undefined || at === undefined) return undefined;
    const [metadata] = parseCommit(table, version, text).flatMap(({ commitInfo }) => commitInfo?.userMetadata ?? []);
    const entry = metadata === undefined ? undefined : parseLedgerEntry(metadata);
    if (entry === undefined || entry.batch === null) return undefined;
    return { job: entry.job, epoch: entry.epoch, batch: entry.batch, version, at, entry };
  }
}

function fromRow({ job, batch, kind, epoch, version, at, entry }: LedgerRow): Commit[] {
  const number = Number(batch);
  const read = readLedgerEntry({ ...entry, penstock: 1, job, kind, epoch, batch: number });
  return read === undefined ? [] : [{ job, epoch, batch: number, version: Number(version), at, entry: read }];
}

function matches(commit: Commit, query: CommitQuery): boolean {
  const { until, after, fromBatch, throughBatch, throughVersion, batches } = query;
  return (
    (until === undefined || commit.at <= until) &&
    (after === undefined || commit.at > after) &&
    (fromBatch === undefined || commit.batch >= fromBatch) &&
    (throughBatch === undefined || commit.batch <= throughBatch) &&
    (throughVersion === undefined || commit.version <= throughVersion) &&
    (batches === undefined || batches.includes(commit.batch))
  );
}
