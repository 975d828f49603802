import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Database, openDatabase } from "../../../src/adapters/postgres/database.ts";
import { commitName } from "../../../src/domain/delta/log-files.ts";
import { describeDiff, disagreements } from "../../../src/domain/replay/diff.ts";
import type { ComparisonEngine } from "../../../src/services/replay/comparison/ports.ts";
import { startPostgres, type TestPostgres } from "../../fixtures/postgres.ts";
import { generation, openTwoGenerations, type TwoGenerations } from "../../fixtures/two-generations.ts";

const REPLAY = "00000000-0000-4000-8000-000000000001";

let postgres: TestPostgres;
let database: Database;
let lake: TwoGenerations;
/** stands between a comparison and its engine */
let wrap: (engine: ComparisonEngine) => ComparisonEngine;

beforeAll(async () => {
  postgres = await startPostgres();
  database = openDatabase(postgres.url, () => undefined);
  await database.migrate();
  lake = await openTwoGenerations(database, (engine) => wrap(engine));
}, 60_000);

afterAll(async () => {
  lake?.close();
  await database?.close();
  await postgres?.stop();
});

beforeEach(async () => {
  wrap = (engine) => engine;
  await database.query("TRUNCATE replay_diffs CASCADE");
});

/** Of each of six batches one record is 15 s late, which the second generation allows: all of one currency. */
const LET_IN = ["16.25", "28.25", "40.25", "52.25", "64.25", "76.25"];

describe("a replay with another rule", () => {
  it("differs in the records that the rule is about, and in nothing else", async () => {
    const { left, right, records, windows, kept } = await lake.compare();
    expect(records).toEqual({
      ...{ added: "0", removed: "0", changed: "6", missing: "0" },
      transitions: [{ before: "late", after: "accepted", records: "6" }],
    });
    const outcomes = { accepted: "34", duplicate: "12", future: "6", invalid: "5", late: "6", undecodable: "9" };
    const { late: _, ...others } = outcomes;
    expect(left).toMatchObject({ generation: 1, records: "72", distinctOffsets: "72", outcomes, unsupported: 0 });
    expect(right).toMatchObject({ generation: 2, records: "72", outcomes: { ...others, accepted: "40" } });
    expect(right.unsupported).toBe(0);
    expect(windows).toMatchObject({ added: 1, removed: 0, changed: 5 });
    expect(kept).toEqual({ windows: { kept: 6, capped: false }, records: { kept: 6, capped: false } });
  });

  it("moves exactly their money, in their currency", async () => {
    const summary = await lake.compare();
    const changes = await lake.store.windows(REPLAY, {}, 100, null);
    expect(changes.map(({ difference }) => difference)).toEqual(
      LET_IN.map((revenue) => ({ revenue, event_count: "1" })),
    );
    expect(changes.map(({ kind, window_start }) => `${kind} ${window_start}`)).toEqual([
      "added 2026-01-01T00:00:05Z",
      ...["20", "30", "40", "55"].map((seconds) => `changed 2026-01-01T00:00:${seconds}Z`),
      "changed 2026-01-01T00:01:05Z",
    ]);
    const [cad, eur, usd] = summary.currencies;
    expect(eur).toMatchObject({
      currency: "EUR",
      difference: { revenue: "277.50", event_count: "6" },
      moved: "277.50",
      windows: { added: 1, removed: 0, changed: 5 },
      largest: { difference: { revenue: "76.25", event_count: "1" } },
    });
    for (const other of [cad, usd]) expect(other).toMatchObject({ moved: "0.00", largest: null });
    // What comes so late comes after its window was said to be final.
    expect(summary.windows.finalChanged).toBe(6);
    expect(changes.every(({ final }) => final)).toBe(true);
  });

  it("tells each record as both sides have it", async () => {
    await lake.compare();
    const [first, ...others] = await lake.store.records(REPLAY, {}, 100, null);
    expect(others).toHaveLength(5);
    const same = { event_id: "e-6", event_time: "2026-01-01T00:00:08Z", currency: "EUR", amount: "16.25" };
    expect(first).toMatchObject({
      ...{ kind: "changed", topic: "sales.events.v1", partition: 0, offset: "2", columns: ["outcome"] },
      before: { outcome: "late", ...same, override: null },
      after: { outcome: "accepted", ...same, override: null },
    });
  });

  it("is told in words", async () => {
    const text = describeDiff(await lake.compare());
    expect(text[0]).toMatch(/^Window figures: 1 added and 5 changed \(6 of them final\), \d+ unchanged\.$/);
    expect(text.slice(1)).toEqual([
      expect.stringMatching(
        /^EUR: .* \(\+277\.50, \+6 events\); most in the window of 2026-01-01T00:01:05Z, pro EU: \+76\.25\.$/,
      ),
      "Records that differ: 6: 6 from late to accepted.",
    ]);
  });
});

describe("at whichever position", () => {
  const positions = [3, 8, 11, 20].map((offset) => ({
    "0": String(offset),
    "1": String(offset),
    "2": String(Math.max(0, offset - 1)),
  }));

  it("gold is what silver adds up to on both sides, also where neither has a batch that ends there", async () => {
    for (const at of positions) {
      const summary = await lake.compare({ at });
      expect(disagreements(summary), JSON.stringify(at)).toEqual([]);
      // One offset of partition 2 is a transaction's marker.
      const offsets = Object.values(at).reduce((sum, offset) => sum + Number(offset), 0);
      expect(summary.left.records).toBe(String(offsets - (Number(at["2"]) > 8 ? 1 : 0)));
    }
  });

  it("a record that people let in later is the same as one that a replay let in at once", async () => {
    // Its offset is 2, and the override was applied two rounds after it.
    const summary = await lake.compare({ at: { "0": "2", "1": "3", "2": "2" } });
    expect(summary.left.outcomes).toEqual(summary.right.outcomes);
    expect(summary.records).toMatchObject({ changed: "0", transitions: [] });
    expect(summary.windows).toMatchObject({ added: 0, removed: 0, changed: 0 });
  });

  it("a generation compared with itself has no difference", async () => {
    const summary = await lake.compare({ right: generation(1) });
    expect(describeDiff(summary)[0]).toMatch(
      /^No difference: \d+ window figures and 72 records are the same in both\.$/,
    );
  });
});

const ENDLESS = "SELECT sum(a.range * b.range % 7) AS n FROM range(100000000) a, range(1000000) b";

describe("a comparison", () => {
  it("takes the place of the one before", async () => {
    await lake.compare();
    const again = await lake.compare({ right: generation(1) });
    expect(await lake.diff.summary(REPLAY)).toEqual(again);
    expect(await lake.store.windows(REPLAY, {}, 100, null)).toEqual([]);
    expect(await lake.store.records(REPLAY, {}, 100, null)).toEqual([]);
  });

  it("waits for nobody: a side that has not read so far is named", async () => {
    const at = { "0": "24", "1": "24", "2": "26" };
    await expect(lake.compare({ at })).rejects.toMatchObject({
      details: {
        code: "conflict",
        detail:
          "silver.sales_events of generation 1 has read partition 2 up to offset 25; offset 26 is to be compared.",
      },
    });
    expect(await lake.diff.summary(REPLAY)).toBeNull();
  });

  it("ends by itself when it takes too long", async () => {
    wrap = (engine) => ({ ...engine, query: () => engine.query(ENDLESS) });
    await expect(lake.compare({}, 100)).rejects.toMatchObject({
      details: { code: "dependency_unavailable", detail: expect.stringContaining("took longer than it may") },
    });
  });

  it("ends when it is given up, and leaves neither a result nor anything on the disk", async () => {
    const stop = new AbortController();
    const asked: string[] = [];
    let closed = false;
    wrap = (engine) => ({
      interrupt: () => engine.interrupt(),
      close: () => {
        closed = true;
        engine.close();
      },
      async query(sql, parameters) {
        asked.push(sql);
        if (!sql.includes("record_changes")) return engine.query(sql, parameters);
        stop.abort(new Error("the replay was cancelled"));
        return engine.query(ENDLESS);
      },
    });
    await expect(lake.compare({ signal: stop.signal })).rejects.toThrow("the replay was cancelled");
    expect(asked.filter((sql) => sql.includes("record_changes"))).toHaveLength(1);
    expect(closed).toBe(true);
    expect(await lake.diff.summary(REPLAY)).toBeNull();
    expect(existsSync(`${lake.lake.path("").replace(/\/$/, "")}-spill`)).toBe(false);
  });
});

// The last one: it damages the lake.
describe("a generation that had less to read", () => {
  it("lacks the rest, which is missing only where it was to be there", async () => {
    removeRows("accepted");
    const summary = await lake.compare();
    const { removed, missing } = summary.records;
    expect(Number(removed)).toBeGreaterThan(0);
    expect(missing).toBe(removed);
    expect(disagreements(summary)).toEqual([
      expect.stringContaining("gold of generation 2 is not the sum of its accepted records"),
      `Generation 2 lacks ${removed} records of generation 1.`,
    ]);
    const excused = await lake.compare({ from: { "0": "24", "1": "24", "2": "25" } });
    expect(excused.records).toMatchObject({ removed, missing: "0" });
  });

  /** Takes one file with records of this outcome out of the second generation's silver. */
  function removeRows(outcome: string): void {
    const log = lake.lake.log("gen=2/silver.sales_events");
    const newest = (version: number): number =>
      existsSync(join(log, commitName(version))) ? newest(version + 1) : version;
    const lines = readFileSync(join(log, commitName(newest(0) - 1)), "utf8")
      .trim()
      .split("\n");
    const first = Array.from({ length: newest(0) }, (_, version) =>
      readFileSync(join(log, commitName(version)), "utf8"),
    )
      .flatMap((text) => text.trim().split("\n"))
      .map((line) => JSON.parse(line) as { add?: { path: string } })
      .flatMap(({ add }) => (add?.path.startsWith(`outcome=${outcome}/`) ? add.path : []))[0];
    const info = lines.find((line) => line.includes("commitInfo"));
    writeFileSync(
      join(log, commitName(newest(0))),
      `${info}\n${JSON.stringify({ remove: { path: first, dataChange: true } })}\n`,
    );
  }
});
