import { describe, expect, test } from "vitest";
import { Schedule } from "../src/schedule.ts";

const NOW = 1_000_000;

describe("a schedule with a rate", () => {
  const schedule = new Schedule(4, undefined, NOW);

  test("has the first event due at once and the others at the rate", () => {
    expect([0, 249, 250, 1000, 60_000].map((ms) => schedule.dueBy(NOW + ms))).toEqual([1, 1, 2, 5, 241]);
  });

  test("says how long to wait for the next", () => {
    expect(schedule.waitFor(0, NOW)).toBe(0);
    expect(schedule.waitFor(1, NOW)).toBe(250);
    expect(schedule.waitFor(1, NOW + 100)).toBe(150);
    expect(schedule.waitFor(1, NOW + 900)).toBe(0);
  });

  test("is due exactly when the wait is over, at awkward rates too", () => {
    for (const rate of [0.3, 3, 7, 999, 20_011]) {
      const awkward = new Schedule(rate, undefined, NOW);
      for (let sent = 0; sent < 50; sent += 1) {
        expect(awkward.dueBy(NOW + awkward.waitFor(sent, NOW)), `${rate}/s`).toBeGreaterThan(sent);
      }
    }
  });
});

test("without a rate everything is due at once", () => {
  const schedule = new Schedule(0, undefined, NOW);
  expect(schedule.dueBy(NOW)).toBe(Number.POSITIVE_INFINITY);
  expect(schedule.waitFor(1_000_000, NOW)).toBe(0);
});

describe("event times", () => {
  test("follow the clock without a start", () => {
    expect(new Schedule(4, undefined, NOW).timeOf(17, NOW + 5)).toBe(NOW + 5);
  });

  test("follow the rate from a start, whatever the clock says", () => {
    const schedule = new Schedule(4, 500, NOW);
    expect([0, 1, 4].map((index) => schedule.timeOf(index, NOW + index))).toEqual([500, 750, 1500]);
  });

  test("advance as at 50,000 events a second when there is no rate", () => {
    expect(new Schedule(0, 500, NOW).timeOf(100_000, NOW)).toBe(2_500);
  });

  test("have a pace of their own where there is one, whatever the rate", () => {
    const times = (rate: number) => [0, 1, 2, 9].map((i) => new Schedule(rate, 5_000, NOW, 4).timeOf(i, NOW));
    expect(times(100)).toEqual([5_000, 5_250, 5_500, 7_250]);
    expect(times(0)).toEqual(times(100));
  });
});
