import { INSTANT_FORM, readInstant } from "../delta/instant.ts";
import type { FieldError } from "../problem.ts";

/** A half-open range of instants, in microseconds since 1970; undefined is unbounded. */
export interface Range {
  from: bigint | undefined;
  to: bigint | undefined;
}

/**
 * Reads `from` and `to`.
 * @param read tells which instants are taken: a range that is rounded must not reach the ends of the calendar
 * @returns the range, and a complaint for each end that is no instant, or for ends in the wrong order
 */
export function readRange(
  given: { from?: string | undefined; to?: string | undefined },
  read: (text: string) => bigint | undefined = readInstant,
): {
  range: Range;
  errors: FieldError[];
} {
  const errors: FieldError[] = [];
  const end = (field: "from" | "to") => {
    const text = given[field];
    const micros = text === undefined ? undefined : read(text);
    if (text !== undefined && micros === undefined) errors.push({ field, value: text, expected: INSTANT_FORM });
    return micros;
  };
  const range = { from: end("from"), to: end("to") };
  if (range.from !== undefined && range.to !== undefined && range.from > range.to) {
    errors.push({ field: "from", value: given.from, expected: `an instant not after "to" (${given.to})` });
  }
  return { range, errors };
}

/** The first multiple of `stepMs` at or after an instant; both in their own units, the result in microseconds. */
export function ceilTo(micros: bigint, stepMs: number): bigint {
  const step = BigInt(stepMs) * 1000n;
  const rest = ((micros % step) + step) % step;
  return rest === 0n ? micros : micros + step - rest;
}

/** The last multiple of `stepMs` at or before an instant. */
export function floorTo(micros: bigint, stepMs: number): bigint {
  const step = BigInt(stepMs) * 1000n;
  return micros - (((micros % step) + step) % step);
}
