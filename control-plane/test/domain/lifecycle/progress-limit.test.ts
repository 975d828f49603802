import { describe, expect, it } from "vitest";
import { progressLimitMs } from "../../../src/domain/lifecycle/progress-limit.ts";

describe("how long a query may say nothing", () => {
  it.each([
    ["a minute before its first batch is known", [], 60_000],
    ["a minute after a cold first batch, which says little about the next", [22_000], 60_000],
    ["four times the longest of its last batches", [900, 5_000, 1_200], 20_000],
    ["a quarter of a minute when all of them are quick", [300, 800], 15_000],
    ["never more than a minute", [50_000], 60_000],
  ])("is %s", (_, recent, limit) => {
    expect(progressLimitMs(recent, 0)).toBe(limit);
  });

  it("grows by the trigger, between whose batches nothing is heard", () => {
    expect(progressLimitMs([300], 120_000)).toBe(135_000);
    expect(progressLimitMs([], 120_000)).toBe(180_000);
  });
});
