import { readFileSync } from "node:fs";
import { join } from "node:path";
import avro from "avsc";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAvroEncoder, LOGICAL_TYPES } from "../../../src/adapters/avro-encoder.ts";
import type { OutgoingRecord } from "../../../src/domain/publications/outgoing-record.ts";
import { batchMetricsFeed } from "../../../src/services/publications/feeds/batch-metrics.ts";
import { deadLettersFeed } from "../../../src/services/publications/feeds/dead-letters.ts";
import { finalWindowsFeed } from "../../../src/services/publications/feeds/final-windows.ts";
import type { Feed, Page, PageLimits } from "../../../src/services/publications/ports.ts";
import { expected, type OpenLake, openLake } from "../../fixtures/lake.ts";

const SCHEMA = readFileSync(join(import.meta.dirname, "../../../../producer/schemas/revenue-window.avsc"), "utf8");
const TOPIC = { partitions: 3, maxMessageBytes: 1_000_000 };
const ROOMY: PageLimits = { records: 500, bytes: 1_000_000 };
/** The fixture's offsets begin beyond 2^53, where numbers are no longer exact. */
const FIRST = 9_007_199_254_740_993n;

let open: OpenLake;

beforeAll(async () => {
  open = await openLake();
});

afterAll(() => open.close());

function pageOf(feed: Feed, position: unknown = null, limits = ROOMY, topic = TOPIC): Promise<Page> {
  return open.snapshots.read([feed.table], async (set) => {
    const page = await feed.page({ set, generation: 1, position, topic, limits });
    if (page === null) throw new Error(`${feed.table} is not there`);
    return page;
  });
}

/** Pages until nothing waits, as a publisher does. */
async function all(feed: Feed, limits: PageLimits): Promise<{ pages: Page[]; records: OutgoingRecord[] }> {
  const pages = [await pageOf(feed, null, limits)];
  for (let last = pages[0]; last !== undefined && last.waiting > 0n; last = pages.at(-1)) {
    pages.push(await pageOf(feed, JSON.parse(JSON.stringify(last.position)), limits));
  }
  return { pages, records: pages.flatMap(({ records }) => records) };
}

function headersOf({ headers }: OutgoingRecord): Record<string, string> {
  return Object.fromEntries(headers.map(({ key, value }) => [key, Buffer.from(value ?? []).toString()]));
}

describe("dead letters", () => {
  const feed = deadLettersFeed("silver.sales_events");

  it("are the refused records but the duplicates, with their bytes and where they came from", async () => {
    const { records, position, passed, waiting } = await pageOf(feed);
    const refused = expected("sales/silver.sales_events").rows.filter(
      ({ outcome }) => !["accepted", "duplicate"].includes(outcome as string),
    );
    const place = (row: Record<string, string | null>) => `sales.events.v1/${row.partition}/${row.offset}`;
    expect(records.map((record) => headersOf(record)["penstock.id"]).sort()).toEqual(refused.map(place).sort());
    for (const record of records) {
      const headers = headersOf(record);
      const row = refused.find((each) => place(each) === headers["penstock.id"]);
      expect(Buffer.from(record.value ?? []).toString("base64")).toBe(row?.value);
      expect(headers).toMatchObject({
        "penstock.outcome": row?.outcome,
        "penstock.reasons": JSON.parse(row?.reasons ?? "[]").join(","),
        "penstock.schema.id": "1",
        "penstock.source.partition": row?.partition,
        "penstock.generation": "1",
      });
      expect(record.partition).toBe(Number(row?.partition));
    }
    expect({ passed, waiting }).toEqual({ passed: 0n, waiting: 0n });
    expect(position).toMatchObject({ "sales.events.v1": { "0": String(FIRST + 4n), "2": String(FIRST + 3n) } });
  });

  it("come in the order of their offsets, each once, however small the pages are", async () => {
    const whole = (await pageOf(feed)).records.map((record) => headersOf(record)["penstock.id"]);
    for (const limits of [
      { records: 1, bytes: 1_000_000 },
      { records: 2, bytes: 1_000_000 },
      { records: 500, bytes: 1 },
    ]) {
      const { pages, records } = await all(feed, limits);
      expect(records.map((record) => headersOf(record)["penstock.id"])).toEqual(whole);
      expect(pages.map(({ records: some, passed }) => Number(passed) + some.length)).toEqual(
        pages.map((_, at) => pages.slice(0, at + 1).flatMap(({ records: some }) => some).length),
      );
    }
  });

  it("go to the partitions that there are where the topic has fewer", async () => {
    const { records } = await pageOf(feed, null, ROOMY, { ...TOPIC, partitions: 2 });
    const places = records.map((record) => [headersOf(record)["penstock.source.partition"], record.partition]);
    expect(new Set(places.map(String))).toEqual(new Set(["0,0", "1,1", "2,0"]));
  });

  it("refuse a position that is none", async () => {
    await expect(pageOf(feed, { "sales.events.v1": { "0": "soon" } })).rejects.toThrow("soon");
  });
});

describe("final windows", () => {
  const encoder = createAvroEncoder(SCHEMA, async () => 77);
  const feed = finalWindowsFeed("gold.revenue_5m", encoder);
  const type = avro.Type.forSchema(JSON.parse(SCHEMA), { logicalTypes: LOGICAL_TYPES });
  const decoded = ({ value }: OutgoingRecord) => type.fromBuffer(Buffer.from(value ?? []).subarray(5));

  it("are the rows of the table, exact to the last digit, and marked where they are revisions", async () => {
    const { records } = await pageOf(feed);
    const rows = expected("sales/gold.revenue_5m").rows;
    expect(records).toHaveLength(rows.length);
    for (const row of rows) {
      const key = [`${row.window_start?.replace(" ", "T")}Z`, row.plan_tier, row.region, row.currency].join("|");
      const record = records.find(
        (each) =>
          Buffer.from(each.key ?? []).toString() === key && headersOf(each)["penstock.revision"] === row.revision,
      ) as OutgoingRecord;
      expect(Buffer.from(record.value ?? []).readInt32BE(1)).toBe(77);
      expect(decoded(record)).toMatchObject({
        plan_tier: row.plan_tier,
        region: row.region,
        currency: row.currency,
        revenue: row.revenue,
        event_count: Number(row.event_count),
        revision: Number(row.revision),
        generation: 1,
      });
    }
  });

  it("page by their key, each once", async () => {
    const ids = (some: OutgoingRecord[]) => some.map((record) => headersOf(record)["penstock.id"]);
    const whole = ids((await pageOf(feed)).records);
    const { records, pages } = await all(feed, { records: 2, bytes: 1_000_000 });
    expect(ids(records)).toEqual(whole);
    expect(new Set(whole).size).toBe(5);
    expect(pages.map(({ passed, waiting }) => [passed, waiting])).toEqual([
      [0n, 3n],
      [2n, 1n],
      [4n, 0n],
    ]);
    const last = pages.at(-1) as Page;
    expect(await pageOf(feed, last.position)).toMatchObject({ records: [], passed: 5n, waiting: 0n });
  });
});

describe("metrics of batches", () => {
  const feed = batchMetricsFeed("dq.revenue_5m.metrics");

  it("are JSON of the rows in the order of their batches, and go on after the last one", async () => {
    const { records, pages } = await all(feed, { records: 1, bytes: 1_000_000 });
    const values = records.map(({ value }) => JSON.parse(Buffer.from(value ?? []).toString()));
    expect(values.map(({ generation, batch_id, total_records }) => [generation, batch_id, total_records])).toEqual([
      [1, 0, 6],
      [1, 6, 5],
    ]);
    expect(records.map(({ key }) => Buffer.from(key ?? []).toString())).toEqual(["1/0", "1/6"]);
    expect(await pageOf(feed, pages.at(-1)?.position)).toMatchObject({ records: [], passed: 2n, waiting: 0n });
  });
});
