import { expect, test } from "vitest";
import { parseDuration } from "../src/duration.ts";

test.each([
  ["500ms", 500],
  ["30s", 30_000],
  ["1.5s", 1_500],
  ["5m", 300_000],
  ["1h", 3_600_000],
  ["7d", 604_800_000],
  ["0s", 0],
])("reads %s", (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(["", "5", "m", "-5m", "5 m", "5M", "1e3s", "5m30s"])("refuses %j", (text) => {
  expect(parseDuration(text)).toBeUndefined();
});
