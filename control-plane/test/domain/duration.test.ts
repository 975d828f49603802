import { describe, expect, it } from "vitest";
import { formatDuration, parseDuration } from "../../src/domain/duration.ts";

describe("durations", () => {
  it.each([
    ["0s", 0],
    ["500ms", 500],
    ["30s", 30_000],
    ["5m", 300_000],
    ["1h", 3_600_000],
    ["7d", 604_800_000],
  ])("%s is %i ms and written back the same", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
    expect(formatDuration(ms)).toBe(text);
  });

  it.each(["", "5", "5 m", "-1s", "1.5s", "05s", "1w", "1s ", "9007199254740993ms"])("%j is none", (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});
