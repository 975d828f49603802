import { INSTANT_FORM, readInstant } from "../delta/instant.ts";
import type { FieldError } from "../problem.ts";

/** A moment of the past: an instant in microseconds since 1970, or a version of gold.revenue_5m_updates. */
export type AsOf = { at: bigint } | { version: number };

/** What such a moment looks like, for messages. */
export const AS_OF_FORM = `${INSTANT_FORM}, or version:12 for a version of gold.revenue_5m_updates`;

/** Reads `as_of`. @returns the moment, or what was expected instead */
export function readAsOf(text: string): AsOf | FieldError {
  const at = readInstant(text);
  if (at !== undefined) return { at };
  const version = Number(/^version:(\d{1,15})$/.exec(text)?.[1] ?? Number.NaN);
  if (!Number.isNaN(version)) return { version };
  return { field: "as_of", value: text, expected: AS_OF_FORM };
}
