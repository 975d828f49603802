/** ok: compared and equal; failed: compared and not equal; pending: there is nothing yet to compare. */
export type Verdict = "ok" | "failed" | "pending";

/** What a line was computed at. */
export interface Cut {
  /** version by table */
  tables: Record<string, number>;
  /** the Kafka offset vector up to which was compared: next offset by partition */
  through: Record<string, string>;
}

/** One thing that must hold, and whether it does. */
export interface Line {
  /** the same in each report, such as `silver.offsets.0` */
  id: string;
  /** what it is about: partition, table, currency, job */
  subject: Record<string, string>;
  verdict: Verdict;
  expected: string | null;
  actual: string | null;
  /** what is beyond the cut, on its way; null where that means nothing */
  pending: string | null;
  /** in words; what failed, and where */
  detail: string;
  at: Cut;
}

export interface Report {
  /** failed when a line is, else pending when a line is */
  verdict: Verdict;
  /** recount: from all rows; incremental: from what was added since the check before */
  kind: "recount" | "incremental";
  at: string;
  durationMs: number;
  generation: number;
  /** data files whose rows were read, and their size in bytes */
  read: { files: number; bytes: number };
  lines: Line[];
}

/** One verdict for all. */
export function overall(lines: readonly Line[]): Verdict {
  const verdicts = new Set(lines.map(({ verdict }) => verdict));
  if (verdicts.has("failed")) return "failed";
  return verdicts.has("pending") || lines.length === 0 ? "pending" : "ok";
}
