import { DURATION_FORM, formatDuration, parseDuration } from "../duration.ts";
import type { FieldError } from "../problem.ts";

const COARSER_MS = [15 * 60_000, 3_600_000, 86_400_000];

/** The grains that a pipeline with this window can answer: the window itself and those that are whole multiples of it, in milliseconds. */
export function grainsOf(windowMs: number): number[] {
  return [windowMs, ...COARSER_MS.filter((grain) => grain > windowMs && grain % windowMs === 0)];
}

/**
 * Reads a grain such as `1h`.
 * @param text undefined means the window itself
 * @returns milliseconds, or what was expected instead
 */
export function readGrain(text: string | undefined, windowMs: number): number | FieldError {
  const grains = grainsOf(windowMs);
  const ms = text === undefined ? windowMs : parseDuration(text);
  if (ms !== undefined && grains.includes(ms)) return ms;
  const allowed = grains.map(formatDuration).join(", ");
  return {
    field: "grain",
    value: text,
    expected: ms === undefined ? `${DURATION_FORM}; here one of ${allowed}` : `one of ${allowed}`,
  };
}
