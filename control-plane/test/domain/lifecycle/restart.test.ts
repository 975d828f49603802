import { describe, expect, it } from "vitest";
import { restartVerdict } from "../../../src/domain/lifecycle/restart.ts";

const policy = { maxFailures: 3, withinMs: 60_000, backoffMs: 1_000, maxBackoffMs: 8_000 };
const now = new Date("2026-11-21T12:00:00Z");
const ago = (...seconds: number[]) => seconds.map((s) => new Date(now.getTime() - s * 1_000));

describe("the restart policy", () => {
  it("starts at once what never failed", () => {
    expect(restartVerdict(policy, [], now)).toEqual({ failures: 0, givenUp: false, retryAt: null });
  });

  it("waits twice as long after each failure, up to its limit", () => {
    const patient = { ...policy, maxFailures: 100 };
    const waits = [1, 2, 3, 4, 5, 9].map((count) => {
      const failures = Array.from({ length: count }, () => now);
      return (restartVerdict(patient, failures, now).retryAt?.getTime() ?? 0) - now.getTime();
    });
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
  });

  it("starts again when the wait is over", () => {
    expect(restartVerdict(policy, ago(2), now)).toEqual({ failures: 1, givenUp: false, retryAt: null });
  });

  it("gives up a crash loop, and stays so when its failures have grown old", () => {
    expect(restartVerdict(policy, ago(1, 5, 9), now).givenUp).toBe(true);
    expect(restartVerdict(policy, ago(3_601, 3_605, 3_609), now).givenUp).toBe(true);
  });

  it("does not take failures that lie far apart for a crash loop", () => {
    expect(restartVerdict(policy, ago(1, 50, 100, 150), now).givenUp).toBe(false);
  });
});
