import type { SqlLimits } from "../../domain/sql/limits.ts";

export const SQL_FORMATS = ["json", "ndjson", "csv", "parquet"] as const;
export type SqlFormat = (typeof SQL_FORMATS)[number];

export type SqlParameter = string | number | boolean | null;
/** by position, or by name */
export type SqlParameters = SqlParameter[] | Record<string, SqlParameter>;

/** One statement with all that it may see. */
export interface SqlTask {
  sql: string;
  params: SqlParameters;
  /** in the order in which they are made */
  views: { name: string; sql: string }[];
  /** what the views read, relative to the lake: nothing else can be opened */
  files: string[];
  format: SqlFormat;
  limits: SqlLimits;
  /** whether a result beyond its limits is cut, and said to be, instead of refused */
  truncate: boolean;
}

export interface SqlResult {
  columns: { name: string; type: string }[];
  /** rows in the format asked for; of `json` the arrays of values, separated by commas */
  body: Uint8Array;
  rows: number;
  /** the limit that cut it; null when it is whole */
  truncatedBy: "rows" | "bytes" | null;
  /** milliseconds that the statement took in its worker */
  durationMs: number;
}

export type SqlFailureKind =
  /** cannot be parsed, bound or computed */
  | "invalid"
  /** would do something that is not allowed */
  | "refused"
  /** parameters do not fit the statement */
  | "parameters"
  | "time"
  | "memory"
  | "large"
  /** the worker died of it */
  | "crashed"
  /** nobody waits for the answer any more */
  | "gone"
  /** as many queries run and wait as are allowed */
  | "busy"
  /** a file can be opened and not be read */
  | "unreadable"
  /** a file is gone since the snapshot was resolved */
  | "vanished";

/** What came of a statement that has no result. */
export interface SqlFault {
  kind: SqlFailureKind;
  message: string;
  /** bytes of the statement before the place that the message is about */
  position?: number;
  /** the parameter that it is about */
  field?: string;
}

export class SqlFailure extends Error {
  override name = "SqlFailure";
  readonly fault: SqlFault;

  constructor(fault: SqlFault, options?: ErrorOptions) {
    super(fault.message, options);
    this.fault = fault;
  }
}

/** Runs statements where they cannot harm anything. */
export interface SqlWorkers {
  /**
   * @param gone aborted when nobody waits for the answer any more: the statement is interrupted
   * @throws SqlFailure; FileVanished when a file of the snapshot is gone
   */
  run(task: SqlTask, gone: AbortSignal): Promise<SqlResult>;
  close(): Promise<void>;
}
