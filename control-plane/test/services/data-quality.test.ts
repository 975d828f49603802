import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDataQuality, type DataQuality } from "../../src/services/data-quality.ts";
import { expected, type OpenLake, openLake } from "../fixtures/lake.ts";

let open: OpenLake;
let dataQuality: DataQuality;

beforeAll(async () => {
  open = await openLake();
  dataQuality = createDataQuality({ snapshots: open.snapshots });
});

afterAll(() => open.close());

describe("data quality metrics", () => {
  it("come newest first, with the figures that were written", async () => {
    const { items, snapshot } = await dataQuality.metrics({ limit: 10 });
    const written = expected("sales/dq/revenue_5m/metrics").rows;
    expect(items.map((row) => row.dq_run_ts)).toEqual(["2026-11-21T00:06:00Z", "2026-11-21T00:00:00Z"]);
    for (const row of items) {
      const said = written.find((each) => each.batch_id === String(row.batch_id)) ?? {};
      for (const name of ["total_records", "accepted", "duplicates", "late", "undecodable", "invalid"])
        expect(String(row[name])).toBe(said[name]);
    }
    expect(snapshot.tables).toEqual({ "dq.revenue_5m.metrics": { version: 2 } });
  });

  it("page and keep to a range", async () => {
    const first = await dataQuality.metrics({ limit: 1 });
    const second = await dataQuality.metrics({ limit: 1, cursor: first.nextCursor as string });
    expect([first.items[0]?.batch_id, second.items[0]?.batch_id, second.nextCursor]).toEqual([6, 0, null]);
    const ranged = await dataQuality.metrics({ from: "2026-11-21T00:00:00Z", to: "2026-11-21T00:06:00Z", limit: 10 });
    expect(ranged.items.map((row) => row.batch_id)).toEqual([0]);
  });

  it("name what is wrong with a range or a cursor", async () => {
    await expect(dataQuality.metrics({ from: "soon", limit: 1 })).rejects.toMatchObject({
      details: { status: 400, errors: [{ field: "from", value: "soon" }] },
    });
    await expect(dataQuality.metrics({ cursor: "soon", limit: 1 })).rejects.toMatchObject({
      details: { status: 400, errors: [{ field: "cursor" }] },
    });
  });
});

describe("data quality samples", () => {
  it("come with their offsets as exact text, lowest first", async () => {
    const { items } = await dataQuality.samples({ limit: 10 });
    const written = expected("sales/dq/revenue_5m/samples").rows.map((row) => [Number(row.partition), row.offset]);
    expect(items.map((row) => [row.partition, row.offset])).toEqual(written.sort((a, b) => (`${a}` < `${b}` ? -1 : 1)));
    expect(items.map((row) => row.offset)).toContain("9007199254740995");
  });

  it("page without a gap or a repetition", async () => {
    const whole = (await dataQuality.samples({ limit: 10 })).items;
    const paged = [];
    let cursor: string | undefined;
    do {
      const page = await dataQuality.samples({ limit: 1, cursor });
      paged.push(...page.items);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(paged).toEqual(whole);
  });

  it("can be had by reason and batch", async () => {
    expect(
      (await dataQuality.samples({ reason: "BAD_MAGIC", limit: 10 })).items.map((row) => row.dq_violation_reason),
    ).toEqual(["BAD_MAGIC"]);
    expect((await dataQuality.samples({ batch_id: 0, limit: 10 })).items).toEqual([]);
    expect((await dataQuality.samples({ batch_id: 6, limit: 10 })).items).toHaveLength(4);
  });
});
