import { expect, test } from "vitest";
import { describeDiff, disagreements, isEmpty } from "../../../src/domain/replay/diff.ts";
import { currencyDifference, diffSummary, side, windowChange } from "../../fixtures/diff-summary.ts";

test("two generations that say the same are one sentence", () => {
  expect(isEmpty(diffSummary())).toBe(true);
  expect(describeDiff(diffSummary())).toEqual([
    "No difference: 40 window figures and 1000 records are the same in both.",
  ]);
});

test("what changed is told from windows over money to records", () => {
  const summary = diffSummary({
    windows: { added: 1, removed: 0, changed: 2, unchanged: 38, finalChanged: 2 },
    currencies: [
      currencyDifference({
        after: { revenue: "1120.50", event_count: "101" },
        difference: { revenue: "120.50", event_count: "1" },
        moved: "130.50",
        largest: windowChange("125.50", "1"),
      }),
      currencyDifference({ currency: "EUR" }),
    ],
    records: {
      ...{ added: "0", removed: "0", changed: "14", missing: "0" },
      transitions: [
        { before: "invalid", after: "accepted", records: "12" },
        { before: "accepted", after: "accepted", records: "2" },
      ],
    },
    kept: { windows: { kept: 3, capped: false }, records: { kept: 10, capped: true } },
  });
  expect(isEmpty(summary)).toBe(false);
  expect(describeDiff(summary)).toEqual([
    "Window figures: 1 added and 2 changed (2 of them final), 38 unchanged.",
    "USD: 1000.00 becomes 1120.50 (+120.50, +1 event); most in the window of 2026-11-21T00:05:00Z, enterprise EU: +125.50.",
    "Records that differ: 14: 12 from invalid to accepted and 2 accepted as before, with other content.",
    "Listed are 10 of these records, some of each kind; the others are in silver of generation 2.",
  ]);
});

test("a currency whose gains and losses cancel each other out is not silent", () => {
  const loss = windowChange("-5.00", "-1", { kind: "removed" });
  const summary = diffSummary({
    windows: { added: 1, removed: 1, changed: 0, unchanged: 39, finalChanged: 0 },
    currencies: [
      currencyDifference({
        difference: { revenue: "0.00", event_count: "0" },
        moved: "10.00",
        largest: loss,
      }),
    ],
  });
  expect(describeDiff(summary)).toEqual([
    "Window figures: 1 added and 1 removed (none of them final), 39 unchanged.",
    "USD: 1000.00 becomes 1000.00 (0.00, 0 events); most in the window of 2026-11-21T00:05:00Z, enterprise EU: -5.00.",
    "Silver says the same of every record.",
  ]);
});

test("sides that do not hold the same records say so first", () => {
  const summary = diffSummary({
    left: side(1, { records: "1001", unsupported: 1 }),
    right: side(2, { records: "990", distinctOffsets: "990" }),
    records: {
      ...{ added: "1", removed: "12", changed: "0", missing: "11" },
      transitions: [
        { before: "accepted", after: null, records: "12" },
        { before: null, after: "late", records: "1" },
      ],
    },
  });
  expect(disagreements(summary)).toEqual([
    "Generation 1 holds 1 record more than once.",
    "In 1 figure gold of generation 1 is not the sum of its accepted records.",
    "Generation 2 lacks 11 records of generation 1.",
    "Generation 1 lacks 1 record of generation 2.",
  ]);
  expect(describeDiff(summary)).toEqual([
    ...disagreements(summary),
    "All 40 window figures are the same.",
    "Records that differ: 13: 12 no longer there (accepted) and 1 only in the new generation (late).",
  ]);
});

test("records that a generation was never to have do not speak against it", () => {
  const records = { added: "0", removed: "12", changed: "0", missing: "0", transitions: [] };
  expect(disagreements(diffSummary({ from: { "0": "12" }, records }))).toEqual([]);
});
