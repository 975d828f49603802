import { type Complain, type Environment, settingReader } from "../setting-reader.ts";
import { formatSize } from "../size.ts";

/** How often all tables are checked, and what a check may take. A recount takes most: it reads every row. */
export interface ReconciliationLimits {
  /** between two checks */
  everyMs: number;
  /** of a whole check */
  timeoutMs: number;
  /** of each of its queries */
  queryTimeoutMs: number;
  memoryBytes: number;
}

/** A check that fails must have the time for another one before the report is called stale. */
const SELDOM_MS = 120_000;

export function readReconciliationLimits(env: Environment, complain: Complain): ReconciliationLimits {
  const { time, size } = settingReader(env, complain);
  const everyMs = time("PENSTOCK_RECONCILIATION_EVERY", "1m");
  if (everyMs > SELDOM_MS) complain("PENSTOCK_RECONCILIATION_EVERY", "at most 2m, for a report is stale after 5m");
  return {
    everyMs,
    timeoutMs: time("PENSTOCK_RECONCILIATION_TIMEOUT", "2m"),
    queryTimeoutMs: time("PENSTOCK_RECONCILIATION_QUERY_TIMEOUT", "60s"),
    memoryBytes: size("PENSTOCK_RECONCILIATION_MEMORY", "512MB"),
  };
}

/** What to do where they are hit. */
export function limitsAdvice({ timeoutMs, queryTimeoutMs, memoryBytes }: ReconciliationLimits): string {
  const settings = [
    `PENSTOCK_RECONCILIATION_TIMEOUT (${timeoutMs / 1000} s)`,
    `PENSTOCK_RECONCILIATION_QUERY_TIMEOUT (${queryTimeoutMs / 1000} s)`,
    `PENSTOCK_RECONCILIATION_MEMORY (${formatSize(memoryBytes)})`,
  ];
  return `Try again when the machine has less to do, or give it more: ${settings.join(", ")}.`;
}
