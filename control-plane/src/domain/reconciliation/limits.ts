import { type Complain, type Environment, settingReader } from "../setting-reader.ts";
import { formatSize } from "../size.ts";

/** What a check of all tables may take. A recount takes most: it reads every row. */
export interface ReconciliationLimits {
  /** of a whole check */
  timeoutMs: number;
  /** of each of its queries */
  queryTimeoutMs: number;
  memoryBytes: number;
}

export function readReconciliationLimits(env: Environment, complain: Complain): ReconciliationLimits {
  const { time, size } = settingReader(env, complain);
  return {
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
