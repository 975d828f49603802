const PHASES = [
  "triggerExecution",
  "latestOffset",
  "queryPlanning",
  "getBatch",
  "walCommit",
  "addBatch",
  "commitOffsets",
] as const;

/** The figures of a batch that people look for in Spark's StreamingQueryProgress. */
export interface ProgressSummary {
  batchId: string;
  rowsIn: number;
  inputRowsPerSecond: number | null;
  processedRowsPerSecond: number | null;
  /** milliseconds by phase; a phase that did not occur is not there */
  durationsMs: Partial<Record<(typeof PHASES)[number], number>>;
  /** rows that stateful operators keep; null for a query without them */
  stateRows: number | null;
}

/** @returns null for a report that is not about a batch */
export function summariseProgress(data: Record<string, unknown>): ProgressSummary | null {
  const { batchId, numInputRows, durationMs, stateOperators } = data;
  if (typeof batchId !== "number") return null;
  const durations = (durationMs ?? {}) as Record<string, unknown>;
  const state = (Array.isArray(stateOperators) ? stateOperators : []).map((operator) => number(operator?.numRowsTotal));
  return {
    batchId: String(batchId),
    rowsIn: number(numInputRows) ?? 0,
    inputRowsPerSecond: number(data.inputRowsPerSecond),
    processedRowsPerSecond: number(data.processedRowsPerSecond),
    durationsMs: Object.fromEntries(
      PHASES.flatMap((phase) => (number(durations[phase]) === null ? [] : [[phase, durations[phase]]])),
    ),
    stateRows: state.length === 0 ? null : state.reduce<number>((sum, rows) => sum + (rows ?? 0), 0),
  };
}

/** Spark writes a rate of a division by zero as NaN or Infinity, which JSON does not know. */
function number(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
