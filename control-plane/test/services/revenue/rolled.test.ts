import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DuckDb } from "../../../src/adapters/duckdb.ts";
import { lakeFiles } from "../../../src/adapters/lake-files.ts";
import { createRevenue, type Revenue, type RevenueWindow } from "../../../src/services/revenue/windows.ts";
import { GoldWriter, type Part } from "../../fixtures/gold-writer.ts";

const MINUTE = 60_000;
const WINDOW = 5 * MINUTE;
/** The night in which clocks in Europe are put back, and a change of year: UTC has neither an hour twice nor a gap. */
const BEGIN = Date.parse("2026-10-24T22:00:00Z");
const WINDOWS = 60;
const LOW_WATERMARK = "2026-10-25T03:07:00Z";
const FINAL_THROUGH = Date.parse("2026-10-25T01:30:00Z");

let gold: GoldWriter;
let engine: DuckDb;
let revenue: Revenue;
const parts: Part[] = [];

const iso = (ms: number) => new Date(ms).toISOString().replace(".000Z", "Z");
const cents = (text: string) => BigInt(text.replace(".", ""));
const amount = (value: bigint) => {
  const digits = (value < 0n ? -value : value).toString().padStart(3, "0");
  return `${value < 0n ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`;
};

/** The same numbers every time; any that are spread out do. */
function* numbers(): Generator<number, never> {
  for (let state = 20261125; ; ) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    yield Math.floor(state / 65_536);
  }
}

beforeAll(async () => {
  gold = await GoldWriter.open();
  const number = numbers();
  const next = () => number.next().value;
  for (let batch = 0; batch < 6; batch += 1) {
    const mine: Part[] = [];
    for (let row = 0; row < 25; row += 1) {
      // Sparse: hours without an event of some figures, and a rest at the end without any.
      const start = iso(BEGIN + (next() % (WINDOWS - 6)) * WINDOW);
      const currency = ["USD", "EUR", "CAD"][next() % 3] as string;
      const huge = next() % 10 === 0 ? 9_007_199_254_740_993n * 100n : 0n;
      const sum = amount(huge + BigInt((next() % 200_000) - 100_000));
      mine.push({
        start,
        plan_tier: "pro",
        region: next() % 4 === 0 ? "NA" : "EU",
        currency,
        revenue: sum,
        event_count: 1 + (next() % 3),
      });
    }
    await gold.append(mine, batch === 5 ? LOW_WATERMARK : "2026-10-24T22:00:00Z");
    parts.push(...mine);
  }
  await gold.finalise(iso(FINAL_THROUGH), LOW_WATERMARK);
  const { snapshots, engine: opened } = await gold.read();
  engine = opened;
  const commits = { find: async () => [] };
  revenue = createRevenue({ snapshots, commits, log: lakeFiles(), clock: { now: () => new Date() }, windowMs: WINDOW });
});

afterAll(() => {
  engine?.close();
  gold?.remove();
});

const ask = (request: object) => revenue.windows({ order: "asc", limit: 10_000, ...request });

/** Every rolled window by adding up each event's part of it, one window after the other. */
function workedOut(grain: number, length: number): Partial<RevenueWindow>[] {
  const newest = Math.max(...parts.map(({ start }) => Date.parse(start))) + WINDOW;
  const last = Math.max(Math.ceil(newest / grain) * grain, Math.floor(Date.parse(LOW_WATERMARK) / grain) * grain);
  const found: Partial<RevenueWindow>[] = [];
  const first = Math.floor((BEGIN - length) / grain) * grain;
  for (let start = first; start + length <= last; start += grain) {
    const inside = parts.filter((part) => Date.parse(part.start) >= start && Date.parse(part.start) < start + length);
    const keys = [
      ...new Set(inside.map(({ plan_tier, region, currency }) => [plan_tier, region, currency].join())),
    ].sort();
    for (const key of keys) {
      const [plan_tier, region, currency] = key.split(",") as [string, string, string];
      const mine = inside.filter((part) => part.region === region && part.currency === currency);
      const isFinal = start + length <= FINAL_THROUGH;
      found.push({
        ...{ window_start: iso(start), window_end: iso(start + length), plan_tier, region, currency },
        revenue: amount(mine.reduce((sum, part) => sum + cents(part.revenue), 0n)),
        event_count: mine.reduce((sum, part) => sum + part.event_count, 0),
        status: isFinal ? "final" : "provisional",
        revision: isFinal ? 1 : null,
      });
    }
  }
  return found;
}

describe("rolled windows", () => {
  it.each([
    ["5m", "10m", 5, 10],
    ["5m", "1h", 5, 60],
    ["5m", "55m", 5, 55],
    ["15m", "1h", 15, 60],
    ["15m", "45m", 15, 45],
    ["1h", "3h", 60, 180],
    ["1h", "24h", 60, 1440],
    ["1d", "2d", 1440, 2880],
  ])("by %s of %s are what all events in them add up to", async (grain, rolling, grainMinutes, minutes) => {
    const expected = workedOut(grainMinutes * MINUTE, minutes * MINUTE);
    const { items, nextCursor } = await ask({ grain, rolling });
    expect(items).toEqual(expected);
    expect(items.length).toBeGreaterThan(0);
    expect(nextCursor).toBeNull();
  });

  it.each([
    ["5m", 5],
    ["15m", 15],
    ["1h", 60],
    ["1d", 1440],
  ])("that do not overlap are those of the grain %s", async (grain, minutes) => {
    expect((await ask({ grain })).items).toEqual(workedOut(minutes * MINUTE, minutes * MINUTE));
  });

  it("have steps without an event of their own, and end where all has been read", async () => {
    const { items } = await ask({ rolling: "1h", currency: ["EUR"] });
    const starts = items.filter(({ region }) => region === "NA").map(({ window_start }) => Date.parse(window_start));
    const steps = starts.slice(1).map((start, at) => start - (starts[at] as number));
    expect(new Set(steps.filter((step) => step === WINDOW)).size).toBe(1);
    expect(items.at(-1)?.window_end).toBe("2026-10-25T03:05:00Z");
  });

  it.each(["asc", "desc"] as const)(
    "come %s page by page, and by range and filter, as parts of the whole",
    async (order) => {
      const whole = (await ask({ rolling: "30m", order })).items;
      const paged: RevenueWindow[] = [];
      let cursor: string | undefined;
      do {
        const page = await ask({ rolling: "30m", order, limit: 37, cursor });
        paged.push(...page.items);
        cursor = page.nextCursor ?? undefined;
      } while (cursor !== undefined);
      expect(paged).toEqual(whole);
      const range = { from: "2026-10-24T23:01:00Z", to: "2026-10-25T01:00:00Z" };
      const some = await ask({ rolling: "30m", order, ...range, currency: ["USD"], region: ["EU"] });
      expect(some.items).toEqual(
        whole.filter(
          ({ window_start, currency, region }) =>
            window_start >= "2026-10-24T23:05:00Z" && window_start < range.to && currency === "USD" && region === "EU",
        ),
      );
    },
  );

  it.each([
    [{ rolling: "1h", grain: "1h" }, "longer than it"],
    [{ rolling: "7m" }, "a multiple of the grain"],
    [{ rolling: "1h", grain: "1d" }, "a multiple of the grain"],
    [{ rolling: "8d" }, "at most 2016 times the grain: 7d"],
    [{ rolling: "hour" }, "a duration such as"],
    [{ rolling: "0s" }, "longer than it"],
  ])("are refused where they do not go with the grain: %j", async (request, expected) => {
    await expect(ask(request)).rejects.toMatchObject({
      details: { status: 400, errors: [{ field: "rolling", expected: expect.stringContaining(expected) }] },
    });
  });

  it("of a grain that there is not are told about the grain alone", async () => {
    await expect(ask({ rolling: "1h", grain: "7m" })).rejects.toMatchObject({
      details: { errors: [{ field: "grain" }] },
    });
  });
});
