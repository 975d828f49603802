import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DuckDb, openDuckDb } from "../../src/adapters/duckdb.ts";
import { lakeFiles } from "../../src/adapters/lake-files.ts";
import { createGenerationStore } from "../../src/adapters/postgres/generations.ts";
import type { GenerationStore } from "../../src/services/generations/ports.ts";
import { liveTables } from "../../src/services/live-tables.ts";
import { createRevenue, type Revenue } from "../../src/services/revenue/windows.ts";
import { createSnapshots, type Snapshots } from "../../src/services/snapshots.ts";
import { GoldWriter } from "../fixtures/gold-writer.ts";
import { startLedger, type TestLedger } from "../fixtures/ledger.ts";

const TABLES = ["gold.revenue_5m", "gold.revenue_5m_updates"];
const DAY_MS = 86_400_000;
const FIGURES: Record<number, string> = { 1: "10.00", 2: "11.00" };

let ledger: TestLedger;
let store: GenerationStore;
let lakes: GoldWriter[];
let engine: DuckDb;
let snapshots: Snapshots;
let revenue: Revenue;
let beforePromotion: string;

const ask = async (as_of?: string) => {
  const { items, snapshot } = await revenue.windows({
    ...{ order: "asc", limit: 10 },
    ...(as_of === undefined ? {} : { as_of }),
  });
  return { figure: items[0]?.revenue, generation: snapshot.generation, asOf: snapshot.asOf ?? "" };
};

const audit = {
  actor: "ana",
  action: "generation.promote",
  target: "sales",
  requestId: null,
  before: null,
  after: null,
};
const promote = (number: number) =>
  store.promote("sales", number, { keptUntil: new Date(Date.now() + DAY_MS), start: [], audit });

/** One table of one batch, with a figure that tells the generation. */
async function fill(generation: number): Promise<GoldWriter> {
  const lake = await GoldWriter.open();
  lake.generation = generation;
  const figure = {
    plan_tier: "pro",
    region: "EU",
    currency: "EUR",
    revenue: FIGURES[generation] ?? "",
    event_count: 1,
  };
  const told = await lake.append([{ start: "2026-11-21T00:00:00Z", ...figure }], "2026-11-21T00:04:00Z");
  await ledger.hear(told);
  return lake;
}

beforeAll(async () => {
  ledger = await startLedger();
  store = createGenerationStore(ledger.database);
  const wish = { pipeline: "sales", number: 2, parent: 1, replay: randomUUID(), jobs: ["sales.gold"] };
  await store.create({ ...wish, rules: { windowMs: 900_000 }, specs: {}, start: null, inherits: null });
  lakes = [await fill(1), await fill(2)];
  for (const { generation, folder } of lakes) {
    const tables = Object.fromEntries(TABLES.map((table) => [table, join(relative(tmpdir(), folder), table)]));
    await ledger.database.query("UPDATE generations SET tables = tables || $2 WHERE number = $1", [generation, tables]);
  }
  engine = await openDuckDb({ folders: lakes.map(({ folder }) => folder) });
  const generations = liveTables(ledger.catalog, "sales", tmpdir());
  const log = lakeFiles();
  snapshots = createSnapshots({ generations, log, engine, hold: TABLES });
  const clock = { now: () => new Date() };
  revenue = createRevenue({ snapshots, commits: ledger.commits, log, clock, windowMs: 300_000 });
}, 120_000);

afterAll(async () => {
  engine?.close();
  for (const lake of lakes ?? []) lake.remove();
  await ledger?.stop();
});

/** One after another: a promotion, and what comes after it. */
describe("a swap of generations", { timeout: 60_000 }, () => {
  it("leaves an answer alone that was begun before it", async () => {
    expect(await ask()).toMatchObject({ figure: "10.00", generation: 1 });
    await delay(2);
    beforePromotion = new Date().toISOString();
    await delay(2);
    const inFlight = await snapshots.read(TABLES, async (set) => {
      await promote(2);
      // Somebody asks meanwhile, and is answered from the new one.
      expect(await ask()).toMatchObject({ figure: "11.00", generation: 2 });
      const [row] = await set.query(
        `SELECT sum(revenue)::VARCHAR AS figure FROM ${set.relation(TABLES[1] ?? "", ["revenue"])}`,
      );
      return { figure: row?.figure, generation: set.stamp(TABLES[1] ?? "").generation };
    });
    expect(inFlight).toEqual({ figure: "10.00", generation: 1 });
  });

  it("is in each answer after it, which is answered the same by the moment that it names", async () => {
    const answer = await ask();
    expect(answer).toMatchObject({ figure: "11.00", generation: 2 });
    expect(answer.asOf > beforePromotion, "its batch was there before, but not live").toBe(true);
    expect(await ask(answer.asOf)).toEqual(answer);
  });

  it("is in no answer as of a moment before it", async () => {
    expect(await ask(beforePromotion)).toMatchObject({ figure: "10.00", generation: 1 });
  });

  it("goes by the rules that its rows were made by", async () => {
    const shortest = { order: "asc", limit: 10, grain: "5m" } as const;
    await expect(revenue.windows(shortest)).rejects.toMatchObject({
      details: { code: "invalid_request", errors: [{ field: "grain", value: "5m" }] },
    });
    const { items } = await revenue.windows({ ...shortest, as_of: beforePromotion });
    expect(items[0]?.revenue).toBe("10.00");
  });

  it("never shows in part, however often the sides are exchanged while everybody asks", async () => {
    let asks = true;
    const answers: { figure: string | undefined; generation: number }[] = [];
    const client = async () => {
      while (asks) answers.push(await ask());
    };
    const clients = [1, 2, 3, 4].map(client);
    for (const number of [1, 2, 1, 2]) {
      await store.reopen("sales", number);
      await promote(number);
      const { length } = answers;
      while (answers.length < length + 8) await delay(1);
    }
    asks = false;
    await Promise.all(clients);
    expect(answers.filter(({ figure, generation }) => figure !== FIGURES[generation])).toEqual([]);
    expect([...new Set(answers.map(({ generation }) => generation))].sort()).toEqual([1, 2]);
  });

  it("is as far back as one can ask once the generation before it is deleted", async () => {
    await store.retire("sales", 1, null);
    const [live] = await store.list("sales");
    await expect(ask(beforePromotion)).rejects.toMatchObject({
      details: {
        code: "invalid_request",
        errors: [
          {
            field: "as_of",
            expected: expect.stringMatching(/since when generation 2 is live, or later: generation 1, .* deleted/),
          },
        ],
      },
    });
    expect(live?.state).toBe("live");
    expect(await ask()).toMatchObject({ figure: "11.00", generation: 2 });
  });
});
