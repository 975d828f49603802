import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataFiles } from "../../../src/adapters/data-files.ts";
import { type DuckDb, openDuckDb } from "../../../src/adapters/duckdb.ts";
import { lakeFiles } from "../../../src/adapters/lake-files.ts";
import type { JournalEvent } from "../../../src/domain/event.ts";
import { createLiveFacts, type LiveFacts } from "../../../src/services/replay/live-facts.ts";
import { createSnapshots } from "../../../src/services/snapshots.ts";
import { SALES_TABLES, unpackLake } from "../../fixtures/lake.ts";

const SILVER = "silver.sales_events";
let lake: ReturnType<typeof unpackLake>;
let engine: DuckDb;
let facts: LiveFacts;
let batches: { rows: unknown; durationMs: unknown }[] = [];

beforeAll(async () => {
  lake = unpackLake();
  engine = await openDuckDb({ folders: [lake.path("")] });
  const paths = Object.fromEntries(Object.entries(SALES_TABLES).map(([name, folder]) => [name, lake.path(folder)]));
  facts = createLiveFacts({
    snapshots: createSnapshots({
      generations: { live: async () => ({ generation: 1, paths }) },
      log: lakeFiles(),
      engine,
    }),
    journal: { before: async () => batches.map((data) => ({ data }) as unknown as JournalEvent) },
    files: dataFiles(),
  });
});

afterAll(() => {
  engine?.close();
  lake?.remove();
});

describe("what a plan knows of live tables", () => {
  it("is their size, their first offsets and the schemas that their records were written with", async () => {
    expect(await facts.size(SILVER)).toBeGreaterThan(0n);
    const first = await facts.firstOffsets(SILVER);
    expect(Object.keys(first)).toEqual(["0", "1", "2"]);
    // Beyond what a double holds: read as texts, or they would be others.
    expect(new Set(Object.values(first))).toEqual(new Set(["9007199254740993"]));
    expect((await facts.writerSchemas(SILVER)).every(Number.isInteger)).toBe(true);
  });

  it("is where the records of a moment and later begin, in each partition that has some", async () => {
    expect(await facts.firstOffsetsSince(SILVER, "1970-01-01T00:00:00Z")).toEqual(await facts.firstOffsets(SILVER));
    expect(await facts.firstOffsetsSince(SILVER, "9000-01-01T00:00:00Z")).toEqual({});
  });

  it("is whether all their files are there", async () => {
    expect(await facts.missingFile(SILVER)).toBeNull();
    rmSync(join(lake.path(SALES_TABLES[SILVER]), "outcome=late"), { recursive: true });
    expect(await facts.missingFile(SILVER)).toMatch(/^outcome=late\/.*\.parquet$/);
  });

  it("is the fastest of a job's last batches, of those that say how long they took", async () => {
    expect(await facts.bestBatch("sales.gold")).toBeNull();
    batches = [
      { rows: 100, durationMs: 1_000 },
      { rows: 900, durationMs: 3_000 },
      { rows: 9_999, durationMs: null },
      { rows: 0, durationMs: 1 },
    ];
    expect(await facts.bestBatch("sales.gold")).toEqual({ rows: 900, ms: 3_000 });
  });
});
