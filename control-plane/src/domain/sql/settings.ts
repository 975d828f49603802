import { parseDuration } from "../duration.ts";
import { parseSize } from "../size.ts";
import type { SqlLimitSettings } from "./limits.ts";

/** How much SQL of users is run, and what it may take. */
export interface SqlSettings {
  /** statements that run at once, each in a process of its own */
  workers: number;
  /** statements that may wait for their turn */
  waiting: number;
  limits: SqlLimitSettings;
}

type Environment = Record<string, string | undefined>;
type Read = (text: string) => number | undefined;

const wholeNumber: Read = (text) => (/^[1-9][0-9]{0,8}$/.test(text) ? Number(text) : undefined);

/** @param complain called with each setting that is wrong, and what was expected */
export function readSqlSettings(env: Environment, complain: (name: string, expected: string) => void): SqlSettings {
  const read = (name: string, fallback: string, parse: Read, expected: string): number => {
    const value = parse(env[name] || fallback);
    if (value === undefined || value <= 0) complain(name, expected);
    return value ?? 0;
  };
  const count = (name: string, fallback: string, of: string) => read(name, fallback, wholeNumber, `a number of ${of}`);
  const size = (name: string, fallback: string) => read(name, fallback, parseSize, "a size such as 500MB or 5GB");
  const time = (name: string, fallback: string) => read(name, fallback, parseDuration, "a duration such as 10s or 1m");
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
