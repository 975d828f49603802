import { describe, expect, it } from "vitest";
import { restartVerdict } from "../../../src/domain/lifecycle/restart.ts";

const policy = { maxFailures: 3, withinMs: 60_000, backoffMs: 1_000, maxBackoffMs: 8_000 };
const now = new Date("2026-11-21T12:00:00Z");
const ago = (...seconds: number[]) => seconds.map((s) => ({ at: new Date(now.getTime() - s * 1_000) }));
const verdict = (failures: { at: Date; permanent?: boolean }[], change = {}, name = "sales.gold") =>
  restartVerdict({ ...policy, ...change }, name, failures, now);

describe("the restart policy", () => {
  it("starts at once what never failed", () => {
    expect(verdict([])).toEqual({ failures: 0, givenUp: false, retryAt: null });
  });

  it("waits twice as long after each failure, up to its limit, and at most a quarter longer than that", () => {
    const waits = [1, 2, 3, 4, 5, 9].map((count) => {
      const failures = Array.from({ length: count }, () => ({ at: now }));
      return (verdict(failures, { maxFailures: 100 }).retryAt?.getTime() ?? 0) - now.getTime();
    });
    for (const [index, least] of [1_000, 2_000, 4_000, 8_000, 8_000, 8_000].entries()) {
      expect(waits[index]).toBeGreaterThanOrEqual(least);
      expect(waits[index]).toBeLessThanOrEqual(least * 1.25);
    }
  });

  it("spreads what failed at the same moment, and always says the same about it", () => {
    const names = ["sales.bronze", "sales.silver", "sales.gold", "sales.dq"];
    const times = names.map((name) => verdict([{ at: now }], {}, name).retryAt?.getTime());
    expect(new Set(times).size).toBe(names.length);
    expect(names.map((name) => verdict([{ at: now }], {}, name).retryAt?.getTime())).toEqual(times);
  });

  it("starts again when the wait is over", () => {
    expect(verdict(ago(2))).toEqual({ failures: 1, givenUp: false, retryAt: null });
  });

  it("gives up a crash loop, and stays so when its failures have grown old", () => {
    expect(verdict(ago(1, 5, 9)).givenUp).toBe(true);
    expect(verdict(ago(3_601, 3_605, 3_609)).givenUp).toBe(true);
  });

  it("gives up at once what says that trying again cannot help", () => {
    const [failure] = ago(1);
    expect(verdict([{ at: now, ...failure, permanent: true }])).toEqual({ failures: 1, givenUp: true, retryAt: null });
  });

  it("does not take failures that lie far apart for a crash loop", () => {
    expect(verdict(ago(1, 50, 100, 150)).givenUp).toBe(false);
  });
});
