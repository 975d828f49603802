import { formatDuration, parseDuration } from "../duration.ts";
import type { FieldError } from "../problem.ts";
import { formatSize, parseSize } from "../size.ts";

/** What one query may take. */
export interface SqlLimits {
  rows: number;
  /** of the result, as it is sent */
  bytes: number;
  timeoutMs: number;
  memoryBytes: number;
}

/** What a query may take unless it asks for another limit, and the most it can ask for. */
export interface SqlLimitSettings {
  standard: SqlLimits;
  most: SqlLimits;
}

/** Limits as a request writes them. */
export interface AskedLimits {
  rows?: number | undefined;
  bytes?: string | undefined;
  timeout?: string | undefined;
  memory?: string | undefined;
}

/** How each limit is read from a request, and written. */
const FORMS = {
  rows: { name: "rows", read: (value: number | string) => Number(value), write: String, least: 1 },
  bytes: { name: "bytes", read: (value: number | string) => parseSize(String(value)), write: formatSize, least: 1e3 },
  timeoutMs: {
    name: "timeout",
    read: (value: number | string) => parseDuration(String(value)),
    write: formatDuration,
    least: 1,
  },
  // DuckDB cannot even plan with less.
  memoryBytes: {
    name: "memory",
    read: (value: number | string) => parseSize(String(value)),
    write: formatSize,
    least: 16e6,
  },
} as const;

/** @returns the limits, or what is wrong with those that were asked for */
export function readLimits(asked: AskedLimits, { standard, most }: SqlLimitSettings): SqlLimits | FieldError[] {
  const limits = { ...standard };
  const errors: FieldError[] = [];
  for (const key of Object.keys(FORMS) as (keyof SqlLimits)[]) {
    const { name, read, write, least } = FORMS[key];
    const given = asked[name];
    if (given === undefined) continue;
    const value = read(given);
    if (value !== undefined && value >= least && value <= most[key]) limits[key] = value;
    else
      errors.push({ field: `body.limits.${name}`, value: given, expected: `${write(least)} to ${write(most[key])}` });
  }
  return errors.length === 0 ? limits : errors;
}
