import { describe, expect, it } from "vitest";
import { readFilters } from "../../../src/domain/revenue/dimensions.ts";
import { grainsOf, readGrain } from "../../../src/domain/revenue/grain.ts";
import { ceilTo, readRange } from "../../../src/domain/revenue/range.ts";

describe("filters", () => {
  it("are repeatable, comma separated, or both", () => {
    expect(readFilters({ plan_tier: ["free,pro", "pro"], currency: ["EUR"] })).toEqual({
      filters: { plan_tier: ["free", "pro"], currency: ["EUR"] },
      errors: [],
    });
  });

  it("name every value outside of its dimension, and what is allowed", () => {
    expect(readFilters({ plan_tier: ["gold"], region: ["EU,"], currency: ["usd"] }).errors).toEqual([
      { field: "plan_tier", value: "gold", expected: "one or more of free, pro, enterprise" },
      { field: "region", value: "", expected: "one or more of NA, EU, LATAM, APAC" },
      { field: "currency", value: "usd", expected: "one or more of USD, CAD, EUR" },
    ]);
  });
});

describe("a grain", () => {
  it("is the window, or a coarser one that is a multiple of it", () => {
    expect(grainsOf(300_000)).toEqual([300_000, 900_000, 3_600_000, 86_400_000]);
    expect(grainsOf(10_000)).toEqual([10_000, 900_000, 3_600_000, 86_400_000]);
    expect(grainsOf(7_000)).toEqual([7_000]);
    expect(grainsOf(3_600_000)).toEqual([3_600_000, 86_400_000]);
  });

  it("is the window unless said otherwise", () => {
    expect(readGrain(undefined, 300_000)).toBe(300_000);
    expect(readGrain("1h", 300_000)).toBe(3_600_000);
    expect(readGrain("60m", 300_000)).toBe(3_600_000);
  });

  it.each(["10m", "1m", "hour", ""])("is not %s", (text) => {
    expect(readGrain(text, 300_000)).toMatchObject({
      field: "grain",
      value: text,
      expected: expect.stringContaining("one of 5m, 15m, 1h, 1d"),
    });
  });
});

describe("a range", () => {
  it("names each end that is no instant", () => {
    expect(
      readRange({ from: "today", to: "2026-11-21T00:00:00" }).errors.map(({ field, value }) => [field, value]),
    ).toEqual([
      ["from", "today"],
      ["to", "2026-11-21T00:00:00"],
    ]);
  });

  it("may be empty but not backwards", () => {
    const at = "2026-11-21T00:00:00Z";
    expect(readRange({ from: at, to: at }).errors).toEqual([]);
    expect(readRange({ from: "2026-11-21T00:00:01Z", to: at }).errors).toEqual([
      { field: "from", value: "2026-11-21T00:00:01Z", expected: `an instant not after "to" (${at})` },
    ]);
  });

  it("is rounded up to whole steps, before 1970 too", () => {
    expect(ceilTo(1n, 1)).toBe(1000n);
    expect(ceilTo(1000n, 1)).toBe(1000n);
    expect(ceilTo(-1n, 1)).toBe(0n);
    expect(ceilTo(-1000n, 1)).toBe(-1000n);
  });
});
