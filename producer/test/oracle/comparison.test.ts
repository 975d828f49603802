import { describe, expect, test } from "vitest";
import { compareOutcomes, compareWindows, type OutcomeCounts } from "../../src/oracle/comparison.ts";
import type { Expectation, RevenueWindow } from "../../src/oracle/expectation.ts";

function row(changes: Partial<RevenueWindow> = {}): RevenueWindow {
  return {
    window_start: "2026-11-21T10:00:00Z",
    window_end: "2026-11-21T10:05:00Z",
    plan_tier: "pro",
    region: "EU",
    currency: "EUR",
    revenue: "1234567890123456.78",
    event_count: 42,
    ...changes,
  };
}

describe("compareWindows", () => {
  test("finds nothing in equal figures, in whatever order and however the moments are written", () => {
    const expected = [row(), row({ currency: "USD" })];
    const answered = [
      row({ currency: "USD", window_start: "2026-11-21T10:00:00.000Z" }),
      { ...row({ window_end: "2026-11-21T10:05:00.000000Z" }), event_count: "42" },
    ];
    expect(compareWindows(expected, answered)).toEqual([]);
  });

  test("finds a single cent, even where a double could not tell", () => {
    expect(compareWindows([row()], [row({ revenue: "1234567890123456.79" })])).toEqual([
      {
        key: "2026-11-21T10:00:00Z/2026-11-21T10:05:00Z pro EU EUR",
        expected: "1234567890123456.78 from 42 events",
        actual: "1234567890123456.79 from 42 events",
      },
    ]);
  });

  test.each([
    ["another number of events", [row({ event_count: 41 })], 1],
    ["a row that is missing", [], 1],
    ["a row that should not be there", [row(), row({ plan_tier: "free" })], 1],
    ["a row that comes twice", [row(), row()], 1],
    ["another window", [row({ window_start: "2026-11-21T09:55:00Z" })], 2],
    ["a window of another length", [row({ window_end: "2026-11-21T10:10:00Z" })], 2],
    ["another currency", [row({ currency: "CAD" })], 2],
    ["an amount that cannot be read", [row({ revenue: "NaN" })], 1],
  ])("finds %s", (_, answered, found) => {
    expect(compareWindows([row()], answered)).toHaveLength(found);
  });
});

describe("compareOutcomes", () => {
  const expected: Expectation = {
    records: 103,
    outcomes: {
      accepted: { records: 97, reasons: {} },
      duplicate: { records: 2, reasons: {} },
      late: { records: 1, reasons: {} },
      future: { records: 0, reasons: {} },
      undecodable: { records: 1, reasons: { BAD_AVRO: 1 } },
      invalid: { records: 2, reasons: { BAD_AMOUNT: 2, NULL_REQUIRED: 1 } },
    },
    windows: [],
  };

  function answer(change: (answer: OutcomeCounts) => void = () => {}): OutcomeCounts {
    const counts: OutcomeCounts = {
      items: [
        { outcome: "accepted", records: "97", reasons: {} },
        { outcome: "duplicate", records: "2", reasons: {} },
        { outcome: "late", records: "1", reasons: {} },
        { outcome: "undecodable", records: "1", reasons: { BAD_AVRO: "1" } },
        { outcome: "invalid", records: "2", reasons: { BAD_AMOUNT: 2, NULL_REQUIRED: "1" } },
      ],
      records: "103",
      distinctOffsets: "103",
    };
    change(counts);
    return counts;
  }

  test("finds nothing in equal counts, with numbers as strings and outcomes without records left out", () => {
    expect(compareOutcomes(expected, answer())).toEqual([]);
  });

  test.each<[string, (counts: OutcomeCounts) => void, string[]]>([
    ["a record too few", (c) => Object.assign(c, { records: "102" }), ["records"]],
    ["an offset counted twice", (c) => Object.assign(c, { distinctOffsets: "102" }), ["distinct offsets"]],
    ["an outcome that differs by one", (c) => Object.assign(c.items[0] ?? {}, { records: "98" }), ["accepted"]],
    ["an outcome that is left out", (c) => c.items.splice(1, 1), ["duplicate"]],
    ["an unknown outcome", (c) => c.items.push({ outcome: "lost", records: "1", reasons: {} }), ["lost"]],
    [
      "another reason",
      (c) => Object.assign(c.items[3] ?? {}, { reasons: { BAD_MAGIC: "1" } }),
      ["undecodable BAD_AVRO", "undecodable BAD_MAGIC"],
    ],
  ])("finds %s", (_, change, keys) => {
    expect(compareOutcomes(expected, answer(change)).map(({ key }) => key)).toEqual(keys);
  });
});
