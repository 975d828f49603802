import { describe, expect, it } from "vitest";
import { parseLedgerEntry } from "../../../src/domain/delta/ledger-entry.ts";

const entry = {
  penstock: 1,
  kind: "final",
  job: "sales.gold",
  generation: 2,
  epoch: 7,
  batch: 4,
  through: { "sales.events.v1": { "0": "9007199254740993" } },
  lowWatermark: "2026-11-21T00:00:00.100000Z",
  finalThrough: "2026-11-21T00:00Z",
};

describe("a ledger entry", () => {
  it("is read with instants in one spelling", () => {
    expect(parseLedgerEntry(JSON.stringify(entry))).toEqual({
      kind: "final",
      job: "sales.gold",
      generation: 2,
      epoch: 7,
      batch: 4,
      lowWatermark: "2026-11-21T00:00:00.100Z",
      through: { "sales.events.v1": { "0": "9007199254740993" } },
      finalThrough: "2026-11-21T00:00:00Z",
    });
  });

  it.each([
    ["a note"],
    ["{"],
    ["null"],
    ['"penstock"'],
    ["{}"],
    [JSON.stringify({ ...entry, penstock: 2 })],
    [JSON.stringify({ ...entry, kind: "other" })],
  ])("is not %s", (text) => {
    expect(parseLedgerEntry(text)).toBeUndefined();
  });
});
