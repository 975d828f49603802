import type { DiffSummary, RecordChange, WindowChange } from "../../../domain/replay/diff.ts";
import type { QueryEngine } from "../../query-engine.ts";

/** A query engine for one comparison: one query after the other, so that tables made by one are there for the next. */
export interface ComparisonEngine extends QueryEngine {
  /** Gives up what runs at present. */
  interrupt(): void;
  close(): void;
}

/** What a page of windows may be narrowed down to; a key that is left out allows all. */
export interface WindowFilter {
  kind?: string | undefined;
  plan_tier?: string[] | undefined;
  region?: string[] | undefined;
  currency?: string[] | undefined;
  /** ISO-8601, of window starts: at or after */
  from?: string | undefined;
  /** before */
  to?: string | undefined;
}

export interface RecordFilter {
  kind?: string | undefined;
  /** what became of it on the left */
  before?: string | undefined;
  /** on the right */
  after?: string | undefined;
  partition?: number | undefined;
}

/** Where a page of windows or of records begins: behind this key. */
export type WindowKey = [start: string, end: string, planTier: string, region: string, currency: string];
export type RecordKey = [topic: string, partition: number, offset: string];

/** The newest comparison of each replay. */
export interface DiffStore {
  /** Takes the place of an earlier one, all at once. */
  save(summary: DiffSummary, windows: readonly WindowChange[], records: readonly RecordChange[]): Promise<void>;
  /** null where there is none */
  find(replay: string): Promise<DiffSummary | null>;
  /** in the order of their keys */
  windows(replay: string, filter: WindowFilter, limit: number, after: WindowKey | null): Promise<WindowChange[]>;
  /** in the order of their keys */
  records(replay: string, filter: RecordFilter, limit: number, after: RecordKey | null): Promise<RecordChange[]>;
}
