import { describe, expect, test } from "vitest";
import { formatCents, parseCents, toCents } from "../../src/oracle/money.ts";

describe("toCents", () => {
  test.each([
    [0, 0n],
    [-0, 0n],
    [29, 2900n],
    [-499, -49900n],
    [19.99, 1999n],
    [0.1, 10n],
    // These doubles lie below the half cent that people see: the shortest decimal form decides.
    [1.005, 101n],
    [2.675, 268n],
    [0.015, 2n],
    [-1.005, -101n],
    [0.005, 1n],
    [-0.005, -1n],
    [0.0049999, 0n],
    [0.004, 0n],
    [-0.004, 0n],
    [33.333333333, 3333n],
    [1e-7, 0n],
    [5e-324, 0n],
    [1e15, 10n ** 17n],
    [9999999999999998, 999999999999999800n],
    [123456789012.345, 12345678901235n],
  ])("rounds %d half away from zero on its shortest decimal form", (amount, cents) => {
    expect(toCents(amount)).toBe(cents);
  });

  test.each([Number.NaN, Infinity, -Infinity, 1e16, -1e16, 1e30, Number.MAX_VALUE])(
    "refuses %d, which decimal(18,2) cannot hold",
    (amount) => {
      expect(toCents(amount)).toBeUndefined();
    },
  );
});

describe("money as text", () => {
  test.each([
    [0n, "0.00"],
    [5n, "0.05"],
    [-5n, "-0.05"],
    [-1999n, "-19.99"],
    [10n ** 30n, "10000000000000000000000000000.00"],
  ])("writes %d cents as %s and reads that back", (cents, text) => {
    expect(formatCents(cents)).toBe(text);
    expect(parseCents(text)).toBe(cents);
  });

  test("reads money with fewer decimal places, and nothing that is not exact", () => {
    expect(parseCents("10")).toBe(1000n);
    expect(parseCents("10.5")).toBe(1050n);
    for (const text of ["", "1e3", "10.005", "NaN", "1,000.00", " 1"]) expect(parseCents(text)).toBeUndefined();
  });
});
