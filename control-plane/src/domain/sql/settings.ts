import { type Complain, type Environment, settingReader } from "../setting-reader.ts";
import type { SqlLimitSettings } from "./limits.ts";

/** How much SQL of users is run, and what it may take. */
export interface SqlSettings {
  /** statements that run at once, each in a process of its own */
  workers: number;
  /** statements that may wait for their turn */
  waiting: number;
  limits: SqlLimitSettings;
}

export function readSqlSettings(env: Environment, complain: Complain): SqlSettings {
  const { count, size, time } = settingReader(env, complain);
  const most = {
    rows: count("PENSTOCK_SQL_MAX_ROWS", "1000000", "rows"),
    bytes: size("PENSTOCK_SQL_MAX_BYTES", "64MB"),
    timeoutMs: time("PENSTOCK_SQL_MAX_TIMEOUT", "60s"),
    memoryBytes: size("PENSTOCK_SQL_MEMORY", "512MB"),
  };
  const standard = {
    rows: Math.min(count("PENSTOCK_SQL_ROWS", "10000", "rows"), most.rows),
    bytes: Math.min(size("PENSTOCK_SQL_BYTES", "16MB"), most.bytes),
    timeoutMs: Math.min(time("PENSTOCK_SQL_TIMEOUT", "10s"), most.timeoutMs),
    memoryBytes: most.memoryBytes,
  };
  return {
    workers: count("PENSTOCK_SQL_WORKERS", "2", "processes, from 1"),
    waiting: count("PENSTOCK_SQL_WAITING", "8", "statements, from 1"),
    limits: { standard, most },
  };
}
