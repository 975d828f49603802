/** Durations as people write them in settings, manifests and requests: `500ms`, `30s`, `5m`, `1h`, `7d`. */

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** What a duration looks like, for messages. */
export const DURATION_FORM = "a duration such as 500ms, 30s, 5m, 1h or 7d";

/** The same as a regular expression, for JSON schemas. */
export const DURATION_PATTERN = "^(0|[1-9][0-9]*)(ms|s|m|h|d)$";

/**
 * Reads a duration.
 * @returns milliseconds, or undefined when the text is not a duration (the caller knows which field to name)
 */
export function parseDuration(text: string): number | undefined {
  const match = new RegExp(DURATION_PATTERN).exec(text);
  if (match === null) return undefined;
  const ms = Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
  return Number.isSafeInteger(ms) ? ms : undefined;
}

/** Writes milliseconds in the largest unit that keeps them whole: 300000 → `5m`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0s";
  for (const unit of ["d", "h", "m", "s"] as const) {
    if (ms % UNIT_MS[unit] === 0) return `${ms / UNIT_MS[unit]}${unit}`;
  }
  return `${ms}ms`;
}
