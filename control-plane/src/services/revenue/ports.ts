import type { LedgerRow } from "../rows.ts";

/** Which commits of one table are looked for; every bound that is given holds. */
export interface CommitFilter {
  generation: number;
  table: string;
  kind: "batch" | "final";
  /** made at or before it */
  until?: Date;
  /** made after it */
  after?: Date;
  fromBatch?: number;
  throughBatch?: number;
  throughVersion?: number;
  batches?: number[];
  by: "time" | "batch";
  order: "oldest" | "newest";
  limit: number;
}

/** The ledger as history: which commits were made when. */
export interface CommitStore {
  find(filter: CommitFilter): Promise<LedgerRow[]>;
}
