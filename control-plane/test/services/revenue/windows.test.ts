import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lakeFiles } from "../../../src/adapters/lake-files.ts";
import { commitName } from "../../../src/domain/delta/log-files.ts";
import {
  createRevenue,
  type Revenue,
  type RevenueRequest,
  type RevenueWindow,
} from "../../../src/services/revenue/windows.ts";
import { expected, type OpenLake, openLake, revenueParts, SALES_TABLES } from "../../fixtures/lake.ts";

const FINAL_THROUGH = "2026-11-21T00:10:00Z";
let open: OpenLake;
let revenue: Revenue;

beforeAll(async () => {
  open = await openLake();
  revenue = createRevenue(revenueParts(open.snapshots));
});

afterAll(() => open.close());

const ask = (request: Partial<RevenueRequest> = {}) => revenue.windows({ order: "asc", limit: 1000, ...request });

type Text = Record<string, string>;
const instant = (text: string) => `${text.replace(" ", "T")}Z`;
const cents = (text: string) => BigInt(text.replace(".", ""));
const keyOf = (row: Text, grainMs: number) => {
  const start = Math.floor(Date.parse(instant(row.window_start as string)) / grainMs) * grainMs;
  return JSON.stringify([new Date(start).toISOString().replace(".000Z", "Z"), row.plan_tier, row.region, row.currency]);
};

/** The answer worked out from the rows that Spark wrote down, in whole cents. */
function workedOut(grainMs: number): Record<string, [bigint, number]> {
  const rows = (table: string) => expected(table).rows as Text[];
  const ends = (row: Text) => instant(row.window_end as string);
  const newest = new Map<string, Text>();
  for (const row of rows("sales/gold.revenue_5m")) {
    const held = newest.get(keyOf(row, 1));
    if (held === undefined || Number(row.revision) > Number(held.revision)) newest.set(keyOf(row, 1), row);
  }
  const counted = [
    ...newest.values(),
    ...rows("sales/gold.revenue_5m_updates").filter((row) => ends(row) > FINAL_THROUGH),
  ];
  const sums: Record<string, [bigint, number]> = {};
  for (const row of counted) {
    const [sum, count] = sums[keyOf(row, grainMs)] ?? [0n, 0];
    sums[keyOf(row, grainMs)] = [sum + cents(row.revenue as string), count + Number(row.event_count)];
  }
  return sums;
}

const summed = (items: RevenueWindow[]) =>
  Object.fromEntries(
    items.map((item) => [
      JSON.stringify([item.window_start, item.plan_tier, item.region, item.currency]),
      [cents(item.revenue), item.event_count],
    ]),
  );

describe("revenue", () => {
  it.each([
    ["5m", 300_000],
    ["15m", 900_000],
    ["1h", 3_600_000],
    ["1d", 86_400_000],
  ])("by %s is what Spark's rows sum up to, to the cent", async (grain, grainMs) => {
    const { items, nextCursor } = await ask({ grain });
    expect(summed(items)).toEqual(workedOut(grainMs));
    expect(nextCursor).toBeNull();
  });

  it("is exact beyond 2^53, negative and zero", async () => {
    const { items } = await ask();
    expect(items.map((item) => item.revenue)).toEqual([
      "11.30",
      "0.00",
      "90071992547409931234.56",
      "-7.35",
      "3.03",
      "5.00",
      "3.30",
    ]);
  });

  it("says which figures are final, and how often they were made so", async () => {
    const { items, snapshot } = await ask();
    expect(items.map(({ window_end, status, revision }) => [window_end, status, revision])).toEqual([
      ["2026-11-21T00:00:00Z", "final", 2],
      ["2026-11-21T00:05:00Z", "final", 1],
      ["2026-11-21T00:05:00Z", "final", 1],
      ["2026-11-21T00:10:00Z", "final", 1],
      ["2026-11-21T00:15:00Z", "provisional", null],
      ["2026-11-21T00:15:00Z", "provisional", null],
      ["2026-11-21T00:20:00Z", "provisional", null],
    ]);
    expect(snapshot).toEqual({
      generation: 1,
      lowWatermark: "2026-11-21T00:24:00.123456Z",
      finalThrough: FINAL_THROUGH,
      asOf: (
        await lakeFiles().writtenAt(open.lake.path(SALES_TABLES["gold.revenue_5m"]), commitName(2))
      )?.toISOString(),
      tables: { "gold.revenue_5m": { version: 2 }, "gold.revenue_5m_updates": { version: 6 } },
    });
  });

  it("of a coarser window is final only when all of it is", async () => {
    const { items } = await ask({ grain: "15m", currency: ["EUR", "CAD"] });
    expect(
      items.map(({ window_start, window_end, currency, status, revision }) => [
        window_start,
        window_end,
        currency,
        status,
        revision,
      ]),
    ).toEqual([
      ["2026-11-20T23:45:00Z", "2026-11-21T00:00:00Z", "EUR", "final", 2],
      ["2026-11-21T00:00:00Z", "2026-11-21T00:15:00Z", "CAD", "provisional", null],
      ["2026-11-21T00:00:00Z", "2026-11-21T00:15:00Z", "EUR", "provisional", null],
    ]);
  });

  it("of different currencies is never added up", async () => {
    const { items } = await ask({ grain: "1d", from: "2026-11-21T00:00:00Z", region: ["EU"] });
    expect(items.map(({ currency, revenue }) => [currency, revenue])).toEqual([
      ["EUR", "90071992547409931237.59"],
      ["USD", "5.00"],
    ]);
  });
});

describe("a range", () => {
  it("takes windows that start in it, its end left out", async () => {
    const { items } = await ask({ from: "2026-11-21T00:05:00Z", to: "2026-11-21T01:15:00+01:00" });
    expect(items.map(({ window_start }) => window_start)).toEqual([
      "2026-11-21T00:05:00Z",
      "2026-11-21T00:10:00Z",
      "2026-11-21T00:10:00Z",
    ]);
  });

  it("that begins within a window leaves that window out rather than answer a part of it", async () => {
    const { items } = await ask({ grain: "1h", from: "2026-11-20T23:00:00.000001Z" });
    expect(items.every(({ window_start }) => window_start === "2026-11-21T00:00:00Z")).toBe(true);
    const whole = await ask({ grain: "1h", to: "2026-11-21T00:00:00.000001Z", currency: ["EUR"] });
    expect(whole.items.map(({ window_start, event_count }) => [window_start, event_count])).toEqual([
      ["2026-11-20T23:00:00Z", 4],
      ["2026-11-21T00:00:00Z", 4],
    ]);
  });

  it("may lie where nothing is", async () => {
    expect((await ask({ from: "2030-01-01T00:00:00Z" })).items).toEqual([]);
    expect((await ask({ to: "1970-01-01T00:00:00Z" })).items).toEqual([]);
  });
});

describe("pages", () => {
  it.each([
    ["asc", "5m"],
    ["desc", "5m"],
    ["asc", "1h"],
    ["desc", "1h"],
  ] as const)("of one row each, %s by %s, add up to the whole, in order", async (order, grain) => {
    const whole = (await ask({ order, grain })).items;
    const rows: RevenueWindow[] = [];
    let cursor: string | undefined;
    do {
      const page = await ask({ order, grain, limit: 1, cursor });
      rows.push(...page.items);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(rows).toEqual(whole);
    const keys = whole.map((row) => [row.window_start, row.plan_tier, row.region, row.currency].join());
    expect(keys).toEqual(order === "asc" ? [...keys].sort() : [...keys].sort().reverse());
  });

  it("refuse a cursor of another order or grain, and one that is none", async () => {
    const { nextCursor } = await ask({ limit: 1 });
    for (const request of [
      { order: "desc" as const, cursor: nextCursor },
      { grain: "1h", cursor: nextCursor },
      { cursor: "xyz" },
      { cursor: "" },
    ]) {
      await expect(ask(request as Partial<RevenueRequest>)).rejects.toMatchObject({
        details: { status: 400, errors: [{ field: "cursor" }] },
      });
    }
  });
});

describe("a request with mistakes", () => {
  it("is told all of them", async () => {
    await expect(ask({ from: "today", grain: "7m", plan_tier: ["gold"] })).rejects.toMatchObject({
      details: {
        status: 400,
        code: "invalid_request",
        errors: [{ field: "from" }, { field: "plan_tier" }, { field: "grain" }],
      },
    });
  });
});

describe("before there is anything", () => {
  it("the list is empty while no table exists", async () => {
    const empty = await openLake({ "gold.revenue_5m": "none/a", "gold.revenue_5m_updates": "none/b" });
    const answer = await createRevenue(revenueParts(empty.snapshots)).windows({
      order: "asc",
      limit: 10,
    });
    empty.close();
    expect(answer).toEqual({
      items: [],
      nextCursor: null,
      snapshot: {
        generation: 1,
        lowWatermark: null,
        finalThrough: null,
        asOf: null,
        tables: { "gold.revenue_5m": { version: null }, "gold.revenue_5m_updates": { version: null } },
      },
    });
  });

  it("the list is empty while the tables are, and everything is provisional before the first window is final", async () => {
    const early = await openLake();
    for (const table of ["gold.revenue_5m", "gold.revenue_5m_updates"] as const) {
      for (let version = 1; version <= 6; version += 1) {
        rmSync(early.lake.log(SALES_TABLES[table], `${String(version).padStart(20, "0")}.json`), { force: true });
        rmSync(early.lake.log(SALES_TABLES[table], `${String(version).padStart(20, "0")}.checkpoint.parquet`), {
          force: true,
        });
      }
    }
    const young = createRevenue(revenueParts(early.snapshots));
    expect((await young.windows({ order: "asc", limit: 10 })).items).toEqual([]);
    early.close();

    const halfway = await openLake();
    rmSync(halfway.lake.log(SALES_TABLES["gold.revenue_5m"], "00000000000000000001.json"));
    rmSync(halfway.lake.log(SALES_TABLES["gold.revenue_5m"], "00000000000000000002.json"));
    const answer = await createRevenue(revenueParts(halfway.snapshots)).windows({
      order: "asc",
      limit: 10,
    });
    halfway.close();
    expect(new Set(answer.items.map(({ status }) => status))).toEqual(new Set(["provisional"]));
    expect(answer.items[0]).toMatchObject({ window_start: "2026-11-20T23:55:00Z", revenue: "11.30", event_count: 4 });
  });
});
