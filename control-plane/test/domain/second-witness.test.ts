import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { disagreements, hasWitness } from "../../src/domain/second-witness.ts";

const silver = JSON.parse(readFileSync(join(import.meta.dirname, "../fixtures/silver-progress.json"), "utf8"));
const dropping = (count: number) => ({
  ...silver,
  stateOperators: [{ customMetrics: { numDroppedDuplicateRows: count } }],
});
const entry = (rows: object, more: object = {}) => ({ rowsIn: 388, rows, ...more });

describe("a batch of silver", () => {
  const SILVER = "silver.sales_events";

  it("agrees where Spark read and dropped what the ledger says", () => {
    expect(disagreements(SILVER, entry({ accepted: 358, invalid: 30 }), silver)).toEqual([]);
    expect(disagreements(SILVER, entry({ accepted: 385, duplicate: 3 }), dropping(3))).toEqual([]);
  });

  it("may have copies of what overrides let in, which Spark has never seen", () => {
    expect(disagreements(SILVER, entry({ duplicate: 5 }, { letInCopies: 2 }), dropping(3))).toEqual([]);
  });

  it("may have read ids that were accepted before its generation began, which are no records", () => {
    const told = { ...dropping(3), numInputRows: 2 * (388 + 40) };
    expect(disagreements(SILVER, entry({ duplicate: 3 }, { knownIds: 40 }), told)).toEqual([]);
    expect(disagreements(SILVER, entry({ duplicate: 3 }), told)).toHaveLength(1);
  });

  it("disagrees by name and figures", () => {
    expect(disagreements(SILVER, { rowsIn: 387, rows: { duplicate: 2 } }, dropping(3))).toEqual([
      "rows read: Spark counted 388, the ledger says 387",
      "duplicates dropped: Spark counted 3, the ledger says 2",
    ]);
  });
});

describe("a batch of bronze", () => {
  const progress = {
    numInputRows: 8,
    sources: [{ startOffset: { t: { 0: 5 } }, endOffset: { t: { 0: 10, 1: 5 } } }],
  };

  it("agrees with the offsets that it covers, gaps included", () => {
    expect(disagreements("bronze.sales_events", { rowsIn: 8, rows: { appended: 8, gaps: 2 } }, progress)).toEqual([]);
    expect(disagreements("bronze.sales_events", { rowsIn: 8, rows: { appended: 8 } }, progress)).toEqual([
      "offsets covered: Spark counted 10, the ledger says 8",
    ]);
  });

  it("has no offsets to compare where the topic was begun", () => {
    const first = { ...progress, sources: [{ ...progress.sources[0], startOffset: null }] };
    expect(disagreements("bronze.sales_events", { rowsIn: 8, rows: {} }, first)).toEqual([]);
  });
});

it("is there for the layers that count records", () => {
  const tables = ["bronze.sales_events", "silver.sales_events", "gold.revenue_5m_updates", "dq.revenue_5m.metrics"];
  expect(tables.filter(hasWitness)).toEqual(tables.slice(0, 2));
  expect(disagreements("gold.revenue_5m_updates", { rowsIn: 1, rows: {} }, { numInputRows: 2 })).toEqual([]);
});
