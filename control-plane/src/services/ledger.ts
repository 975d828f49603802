import type { LedgerRow } from "./rows.ts";

/** A commit of a job as its table's log tells it. */
export interface LoggedCommit {
  version: number;
  /** when it was made */
  at: Date;
  /** the entry as it stands in `userMetadata` */
  entry: Record<string, unknown>;
}

/** The batch ledger in the database: an entry per commit of a job, beyond the life of the tables' logs. */
export interface LedgerStore {
  /** The version of each table up to which every entry is kept, by the table's folder below the lake. */
  harvested(): Promise<Map<string, number>>;
  /** Saves those entries that are not there yet, and that all up to `version` are. */
  harvest(from: { path: string; table: string }, version: number, commits: LoggedCommit[]): Promise<void>;
  /** Entries of commits after a version and up to another one, oldest first. */
  entries(generation: number, table: string, after: number, upTo: number): Promise<LedgerRow[]>;
  /** What the entries up to a version say in all: rows by kind, and `rowsIn`; those that are no longer kept count too. */
  sums(generation: number, table: string, upTo: number): Promise<Record<string, bigint>>;
}
