import { describe, expect, test } from "vitest";
import { checkGates, evaluateGates, type Gates } from "../../../src/domain/replay/gates.ts";
import { currencyDifference, diffSummary, side, windowChange } from "../../fixtures/diff-summary.ts";

const CHANGED = diffSummary({
  windows: { added: 1, removed: 2, changed: 3, unchanged: 34, finalChanged: 1 },
  currencies: [
    currencyDifference({
      before: { revenue: "-1000.00", event_count: "100" },
      moved: "10.01",
      largest: windowChange("-7.35", "0"),
    }),
    currencyDifference({ currency: "CAD", before: { revenue: "0.00", event_count: "2" }, moved: "0.01" }),
    currencyDifference({ currency: "EUR" }),
  ],
  records: { added: "0", removed: "1", changed: "9007199254740993", missing: "0", transitions: [] },
});

const verdicts = (gates: Gates) => evaluateGates(gates, CHANGED).map(({ gate, passed }) => `${gate}: ${passed}`);

test("without limits only the records must be the same", () => {
  expect(evaluateGates({}, CHANGED)).toEqual([
    {
      gate: "sameRecords",
      passed: true,
      actual: "the same",
      limit: "the same",
      text: "Both generations hold the same records, each once.",
      overridable: false,
    },
  ]);
});

test("no reason lets a generation through that lacks records", () => {
  const records = { ...CHANGED.records, missing: "1" };
  const [gate] = evaluateGates({}, { ...CHANGED, right: side(2, { unsupported: 3 }), records });
  expect(gate).toMatchObject({ passed: false, overridable: false, actual: "2 disagreements" });
  expect(gate?.text).toBe(
    "In 3 figures gold of generation 2 is not the sum of its accepted records. Generation 2 lacks 1 record of generation 1.",
  );
});

describe("a limit is passed up to itself and failed by the next step", () => {
  test.each<[string, Gates, Gates]>([
    ["windows", { maxWindowsChanged: 6 }, { maxWindowsChanged: 5 }],
    ["money of one window", { maxRevenueChange: { USD: "7.35" } }, { maxRevenueChange: { USD: "7.34" } }],
    ["money written without cents", { maxRevenueChange: { USD: "8" } }, { maxRevenueChange: { USD: "7.3" } }],
    ["final windows", { noFinalWindowChanged: false }, { noFinalWindowChanged: true }],
  ])("%s", (_name, enough, tooLittle) => {
    expect(
      verdicts(enough)
        .slice(1)
        .every((text) => text.endsWith("true")),
    ).toBe(true);
    expect(
      verdicts(tooLittle)
        .slice(1)
        .some((text) => text.endsWith("false")),
    ).toBe(true);
  });

  test("records, also beyond what a double can tell apart", () => {
    const limited = (changed: string, maxRecordsChanged: number) =>
      evaluateGates({ maxRecordsChanged }, diffSummary({ records: { ...CHANGED.records, removed: "0", changed } }))[1];
    expect(limited("9007199254740991", 9_007_199_254_740_991)?.passed).toBe(true);
    expect(limited("9007199254740992", 9_007_199_254_740_991)).toMatchObject({
      passed: false,
      actual: "9007199254740992",
    });
  });
});

test("a share is held against what each currency had, exactly, and against nothing at all", () => {
  expect(verdicts({ maxRevenueChangeRatio: 0.01001 })).toEqual([
    "sameRecords: true",
    "maxRevenueChangeRatio.USD: true",
    "maxRevenueChangeRatio.CAD: false",
    "maxRevenueChangeRatio.EUR: true",
  ]);
  expect(verdicts({ maxRevenueChangeRatio: 0.01 })[1]).toBe("maxRevenueChangeRatio.USD: false");
  const results = evaluateGates({ maxRevenueChangeRatio: 0.01 }, CHANGED);
  expect(results.map(({ actual }) => actual)).toEqual(["the same", "0.01001", "infinite", "0"]);
});

test("a currency without a limit may change, and one without changes passes its limit", () => {
  expect(verdicts({ maxRevenueChange: { EUR: "0", CAD: "0.00" } })).toEqual([
    "sameRecords: true",
    "maxRevenueChange.EUR: true",
    "maxRevenueChange.CAD: true",
  ]);
});

test("each gate says in a sentence what was found and what was allowed", () => {
  const gates = { maxWindowsChanged: 10, maxRevenueChange: { USD: "5.00" }, noFinalWindowChanged: true };
  expect(evaluateGates(gates, CHANGED).map(({ text }) => text)).toEqual([
    "Both generations hold the same records, each once.",
    "6 window figures are added, removed or changed; allowed are 10.",
    "The largest change of one window in USD is 7.35 (2026-11-21T00:05:00Z, enterprise EU); allowed is 5.00.",
    "Of the figures that were said to be final, 1 change; allowed is none.",
  ]);
});

test("limits that mean nothing are named", () => {
  expect(checkGates({ maxRevenueChange: { USD: "100.00", EUR: "0" } })).toEqual([]);
  expect(checkGates({ maxRevenueChange: { GBP: "1.00", USD: "-1.00", CAD: "1,5" } })).toEqual([
    { field: "body.gates.maxRevenueChange", value: "GBP", expected: "limits by currency: USD, CAD, EUR" },
    {
      field: "body.gates.maxRevenueChange.USD",
      value: "-1.00",
      expected: "an amount of money as text, such as 100.00",
    },
    {
      field: "body.gates.maxRevenueChange.CAD",
      value: "1,5",
      expected: "an amount of money as text, such as 100.00",
    },
  ]);
});
