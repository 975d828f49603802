import type { ChainEnd } from "../../domain/reconciliation/chain.ts";
import type { BookedOverride } from "../../domain/reconciliation/overrides.ts";
import type { Report } from "../../domain/reconciliation/report.ts";

/** Sizes of data files. */
export interface DataFiles {
  /** bytes; undefined when there is no such file */
  size(path: string): Promise<number | undefined>;
}

/** How far a table was compared with the one that its job reads. */
export interface Compared {
  version: number;
  /** the version of the table that it was made from, covered completely */
  upstream: number;
  /** the newest batch in it */
  batch: number;
}

/** From where the next check goes on. */
export interface Resume {
  figures: Record<string, string>;
  bronze: { version: number; through: Record<string, string> } | null;
  silver: Compared | null;
  gold: Compared | null;
  finals: { version: number; finalThrough: string; throughBatch: number; updatesVersion: number } | null;
  dq: Compared | null;
  /** by table */
  chains: Record<string, { version: number; end: ChainEnd }>;
}

/** What people decided about refused records. */
export interface DecidedOverrides {
  /** All of a topic, as what each has ended in a generation of the table that judges the records, up to a version of it. */
  booked(topic: string, generation: number, table: string, version: number): Promise<BookedOverride[]>;
}

export interface ReconciliationStore {
  /** null before the first check of a generation */
  newest(generation: number): Promise<{ report: Report; resume: Resume | null } | null>;
  save(report: Report, resume: Resume | null): Promise<void>;
}
