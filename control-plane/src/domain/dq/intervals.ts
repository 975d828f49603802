import { formatInstant } from "../delta/instant.ts";
import { DURATION_FORM, formatDuration, parseDuration } from "../duration.ts";
import type { FieldError } from "../problem.ts";
import { readRange } from "../revenue/range.ts";

/** A time in equal parts, which begin at multiples of the grain; instants in microseconds since 1970. */
export interface Intervals {
  from: bigint;
  to: bigint;
  grainMs: number;
}

export interface IntervalsRequest {
  from?: string | undefined;
  to?: string | undefined;
  grain?: string | undefined;
}

const LEAST_MS = 1_000;
const MOST_INTERVALS = 1_000;
const DEFAULT_GRAIN_MS = 3_600_000;
const DEFAULT_SPAN = 86_400_000_000n;

/** Reads a time: the last day by the hour, unless the request says otherwise. @param now in microseconds */
export function readIntervals(request: IntervalsRequest, now: bigint, prefix = ""): Intervals | FieldError[] {
  const { range, errors } = readRange(request);
  const to = range.to ?? now;
  const from = range.from ?? to - DEFAULT_SPAN;
  const grainMs = request.grain === undefined ? DEFAULT_GRAIN_MS : (parseDuration(request.grain) ?? 0);
  if (grainMs < LEAST_MS) {
    errors.push({
      field: "grain",
      value: request.grain,
      expected: `${DURATION_FORM}, from ${formatDuration(LEAST_MS)} on`,
    });
  } else if (errors.length === 0 && (to - from) / (BigInt(grainMs) * 1000n) >= BigInt(MOST_INTERVALS)) {
    const span = `${formatInstant(from)} to ${formatInstant(to)}`;
    errors.push({
      field: "grain",
      value: formatDuration(grainMs),
      expected: `a coarser grain or a shorter time: ${span} has more than ${MOST_INTERVALS} of these`,
    });
  }
  if (errors.length > 0) return errors.map((error) => ({ ...error, field: `${prefix}${error.field}` }));
  return { from, to, grainMs };
}

/** SQL for the beginning of the interval that a timestamp lies in, in microseconds. */
export function intervalSql(timestamp: string, { grainMs }: Intervals): string {
  const grain = grainMs * 1000;
  return `epoch_us(${timestamp}) - epoch_us(${timestamp}) % ${grain}`;
}
