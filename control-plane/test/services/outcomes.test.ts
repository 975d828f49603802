import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createOutcomes } from "../../src/services/outcomes.ts";
import { expected, type OpenLake, openLake } from "../fixtures/lake.ts";

let open: OpenLake;

beforeAll(async () => {
  open = await openLake();
});

afterAll(() => open.close());

describe("outcomes", () => {
  it("are counted from silver's rows, with reasons, beside bronze's", async () => {
    const silver = expected("sales/silver.sales_events").rows;
    const counted = (outcome: string) => String(silver.filter((row) => row.outcome === outcome).length);
    const answer = await createOutcomes({ snapshots: open.snapshots }).outcomes();
    expect(answer).toEqual({
      items: [
        { outcome: "accepted", records: counted("accepted"), reasons: {} },
        { outcome: "duplicate", records: counted("duplicate"), reasons: {} },
        { outcome: "late", records: counted("late"), reasons: {} },
        { outcome: "future", records: "0", reasons: {} },
        { outcome: "undecodable", records: counted("undecodable"), reasons: { BAD_MAGIC: "1", NULL_VALUE: "1" } },
        { outcome: "invalid", records: counted("invalid"), reasons: { BAD_AMOUNT: "2", NULL_REQUIRED: "1" } },
      ],
      conflicts: "0",
      records: String(silver.length),
      distinctOffsets: String(new Set(silver.map((row) => `${row.topic}/${row.partition}/${row.offset}`)).size),
      bronzeRecords: String(expected("sales/bronze.sales_events").rows.length),
      snapshot: {
        generation: 1,
        lowWatermark: "2026-11-21T00:01:02.003Z",
        tables: { "silver.sales_events": { version: 2 }, "bronze.sales_events": { version: 2 } },
      },
    });
    expect(answer.distinctOffsets).toBe(answer.records);
  });

  it("are all nought while no table exists", async () => {
    const empty = await openLake({ "silver.sales_events": "none/a", "bronze.sales_events": "none/b" });
    const answer = await createOutcomes({ snapshots: empty.snapshots }).outcomes();
    empty.close();
    expect(answer.items.map(({ records }) => records)).toEqual(["0", "0", "0", "0", "0", "0"]);
    expect([answer.records, answer.distinctOffsets, answer.bronzeRecords]).toEqual(["0", "0", "0"]);
  });
});
