import { describe, expect, it } from "vitest";
import { decideHold } from "../../../src/domain/replay/live-lag.ts";

const BOUND_MS = 30_000;
const at = (seconds: number | null, runs = true) => [{ job: "sales.gold", runs, seconds }];

describe("holding a replay back", () => {
  it("begins beyond the bound and ends below half of it", () => {
    expect(decideHold(null, BOUND_MS, at(30))).toBeNull();
    const held = decideHold(null, BOUND_MS, at(30.5));
    expect(held).toBe("sales.gold is more than 30 s behind; goes on once it is less than 15 s");
    expect(decideHold(held, BOUND_MS, at(16))).toBe(held);
    expect(decideHold(held, BOUND_MS, at(14.9))).toBeNull();
  });

  it("says the same as long as it lasts, so that nothing is told anew with each look", () => {
    const held = decideHold(null, BOUND_MS, at(31));
    expect(decideHold(held, BOUND_MS, at(99))).toBe(held);
  });

  it("looks at the slowest of the jobs that run: one that does not is not helped by waiting", () => {
    const dead = { job: "sales.silver", runs: false, seconds: 9_000 };
    expect(decideHold(null, BOUND_MS, [dead, ...at(2)])).toBeNull();
    expect(decideHold("held", BOUND_MS, [dead])).toBeNull();
    expect(decideHold(null, BOUND_MS, [...at(2), { job: "sales.dq", runs: true, seconds: 40 }])).toContain("sales.dq");
  });

  it("changes nothing while nobody can tell the lag", () => {
    expect(decideHold("held", BOUND_MS, at(null))).toBe("held");
    expect(decideHold(null, BOUND_MS, at(null))).toBeNull();
  });
});
