import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DuckDb } from "../../../src/adapters/duckdb.ts";
import { lakeFiles } from "../../../src/adapters/lake-files.ts";
import { createRevenue, type Revenue, type RevenueAnswer } from "../../../src/services/revenue/windows.ts";
import { GoldWriter, type Part } from "../../fixtures/gold-writer.ts";
import { startLedger, type TestLedger } from "../../fixtures/ledger.ts";

const UPDATES = "gold.revenue_5m_updates";
const FINAL = "gold.revenue_5m";

let ledger: TestLedger;
let gold: GoldWriter;
let engine: DuckDb;
let revenue: Revenue;
/** what was answered after each commit, and when */
const answers: { at: string; answer: RevenueAnswer; version: number }[] = [];

const part = (start: string, revenue: string, currency = "EUR"): Part => ({
  start: `2026-11-21T${start}:00Z`,
  ...{ plan_tier: "pro", region: "EU", currency, revenue, event_count: 1 },
});
const ask = (as_of?: string, more: object = {}) =>
  revenue.windows({ order: "asc", limit: 100, ...(as_of === undefined ? {} : { as_of }), ...more });

async function record(version: number): Promise<void> {
  // Another millisecond than that of the commit, which is what the times of files are kept in.
  await delay(2);
  const answer = await ask();
  answers.push({ at: new Date().toISOString(), answer, version });
  await delay(2);
}

beforeAll(async () => {
  ledger = await startLedger();
  gold = await GoldWriter.open();
  const { snapshots, engine: opened } = await gold.read();
  engine = opened;
  const { commits } = ledger;
  revenue = createRevenue({
    snapshots,
    commits,
    log: lakeFiles(),
    clock: { now: () => new Date() },
    windowMs: 300_000,
  });

  // Windows become final, one is revised, one batch is empty, the tables are compacted in between.
  const steps: [Part[], string, string | null][] = [
    [[part("00:00", "10.10"), part("00:05", "1.00")], "00:04", null],
    [[part("00:00", "0.90"), part("00:05", "-3.00"), part("00:05", "7.00", "USD")], "00:11", null],
    [[part("00:10", "5.00")], "00:16", "00:05"],
    [[], "00:17", null],
    [[part("00:00", "100.00"), part("00:15", "2.00")], "00:21", "00:10"],
    [[part("00:05", "0.01"), part("00:15", "90071992547409931234.56")], "00:26", null],
    [[part("00:20", "4.00")], "00:31", "00:20"],
  ];
  for (const [index, [parts, mark, finalThrough]] of steps.entries()) {
    if (index === 4) gold.epoch = await ledger.run("sales.gold");
    const lowWatermark = `2026-11-21T${mark}:00Z`;
    const told = await gold.append(parts, lowWatermark);
    // Reported a moment later than made, as runners do.
    await record(told.version);
    await ledger.hear(told);
    if (finalThrough !== null) {
      const final = await gold.finalise(`2026-11-21T${finalThrough}:00Z`, lowWatermark);
      await record(told.version);
      await ledger.hear(final);
    }
    if (index === 2 || index === 5) await gold.optimise(UPDATES);
    if (index === 4) await gold.optimise(FINAL);
  }
}, 120_000);

afterAll(async () => {
  engine?.close();
  gold?.remove();
  await ledger?.stop();
});

/** Compaction makes versions of its own, in which nothing changes. */
const told = ({ items, snapshot: { tables: _, ...snapshot } }: RevenueAnswer) => ({ items, snapshot });

describe("revenue as of a moment of the past", () => {
  it("has figures that changed, became final and were revised, so that there is something to compare", () => {
    const statuses = new Set(answers.flatMap(({ answer }) => answer.items.map(({ status }) => status)));
    expect([...statuses].sort()).toEqual(["final", "provisional"]);
    expect(new Set(answers.map(({ answer }) => JSON.stringify(answer.items))).size).toBe(answers.length - 1);
    expect(answers.at(-1)?.answer.items[0]).toMatchObject({ revenue: "111.00", revision: 2 });
  });

  it("is what was answered then", async () => {
    for (const { at, answer } of answers) expect(told(await ask(at)), at).toEqual(told(answer));
  });

  it("is answered the same by the moment that an answer names, to the version of each table", async () => {
    for (const { answer } of answers) {
      const again = await ask(answer.snapshot.asOf ?? "");
      expect(told(again)).toEqual(told(answer));
      const versions = Object.entries(again.snapshot.tables).map(([table, { version }]) => [
        version ?? 0,
        answer.snapshot.tables[table]?.version,
      ]);
      for (const [then, now] of versions) expect(then).toBeLessThanOrEqual(now ?? 0);
    }
  });

  it("by version is how things stood before the next batch, with the windows that it made final", async () => {
    const last = new Map(answers.map(({ version, answer }) => [version, answer]));
    for (const [version, answer] of last) {
      expect(told(await ask(`version:${version}`)), `version ${version}`).toEqual(told(answer));
    }
    // Compacting made this one.
    expect(told(await ask("version:4"))).toEqual(told(await ask("version:3")));
  });

  it("is the same for every grain, filter and page", async () => {
    const { at } = answers[6] ?? { at: "" };
    const hour = await ask(at, { grain: "15m", currency: ["EUR"] });
    expect(hour.items.map(({ window_start, revenue: sum }) => [window_start, sum])).toEqual([
      ["2026-11-21T00:00:00Z", "114.00"],
      ["2026-11-21T00:15:00Z", "2.00"],
    ]);
    const first = await ask(at, { limit: 1 });
    const second = await ask(at, { limit: 100, cursor: first.nextCursor });
    expect([...first.items, ...second.items]).toEqual((await ask(at)).items);
    await expect(ask(undefined, { cursor: first.nextCursor })).rejects.toMatchObject({ details: { status: 400 } });
  });

  it("does not need the tables' logs", async () => {
    for (const table of [UPDATES, FINAL]) await gold.cleanLog(table, 1);
    for (const { at, answer } of answers) expect(told(await ask(at)), at).toEqual(told(answer));
  });
});

describe("a moment of which nothing is known", () => {
  it.each([
    ["yesterday", "an ISO-8601 instant with zone"],
    ["version:x", "version:12"],
    ["3", "version:12"],
    ["2020-01-01T00:00:00Z", "then the first batch was committed"],
    ["version:0", "or version:1 at the earliest"],
    ["2999-01-01T00:00:00Z", "not in the future"],
    ["version:999", "version:9 at most"],
  ])("is refused, with what is possible: %s", async (as_of, expected) => {
    await expect(ask(as_of)).rejects.toMatchObject({
      details: { status: 400, errors: [{ field: "as_of", value: as_of, expected: expect.stringContaining(expected) }] },
    });
  });

  it("is one before the ledger begins, and one at which it has a gap", async () => {
    await ledger.database.query(`DELETE FROM ledger WHERE "table" = $1 AND batch = 3`, [UPDATES]);
    const then = answers.find(({ version }) => version === 5)?.at ?? "";
    await expect(ask(then)).rejects.toMatchObject({
      details: { errors: [{ expected: expect.stringMatching(/not between .*Z and .*Z.*batches 3 to 3/) }] },
    });
    await ledger.database.query(`DELETE FROM ledger WHERE "table" = $1 AND batch < 5`, [UPDATES]);
    await expect(ask(answers[0]?.at)).rejects.toMatchObject({
      details: { errors: [{ expected: expect.stringContaining("not in the ledger any more") }] },
    });
  });
});

describe("before the first batch", () => {
  it("no moment can be asked for", async () => {
    const empty = await GoldWriter.open();
    const { snapshots, engine: opened } = await empty.read();
    await ledger.database.query("DELETE FROM ledger");
    const { commits } = ledger;
    const log = lakeFiles();
    const young = createRevenue({ snapshots, commits, log, clock: { now: () => new Date() }, windowMs: 300_000 });
    const request = young.windows({ order: "asc", limit: 1, as_of: new Date().toISOString() });
    await expect(request).rejects.toMatchObject({
      details: { errors: [{ expected: expect.stringContaining("nothing has been counted") }] },
    });
    expect((await young.windows({ order: "asc", limit: 1 })).snapshot.asOf).toBeNull();
    opened.close();
    empty.remove();
  });
});
