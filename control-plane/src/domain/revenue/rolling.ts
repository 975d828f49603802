import { DURATION_FORM, formatDuration, parseDuration } from "../duration.ts";
import type { FieldError } from "../problem.ts";

/** A week of five-minute steps. */
const MOST_STEPS = 2_016;

/**
 * Reads how long a rolled window is: `1h` with a grain of `5m` means that one of an hour ends every five minutes.
 * @param grainMs the step from one to the next
 * @returns milliseconds, or what was expected instead
 */
export function readRolling(text: string, grainMs: number): number | FieldError {
  const refused = (expected: string): FieldError => ({ field: "rolling", value: text, expected });
  const grain = formatDuration(grainMs);
  const ms = parseDuration(text);
  if (ms === undefined) return refused(`${DURATION_FORM}; a multiple of the grain, ${grain}`);
  if (ms % grainMs !== 0 || ms <= grainMs) {
    return refused(`a multiple of the grain that is longer than it: twice ${grain} or three times and so on`);
  }
  if (ms / grainMs > MOST_STEPS) {
    return refused(
      `at most ${MOST_STEPS} times the grain: ${formatDuration(MOST_STEPS * grainMs)}, or a coarser grain`,
    );
  }
  return ms;
}
