import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openComparisonEngine } from "../../src/adapters/comparison-engine.ts";
import { openDuckDb } from "../../src/adapters/duckdb.ts";

const LARGE = "CREATE TEMP TABLE large AS SELECT range AS n, repeat('x', 40) || range AS text FROM range(1000000)";

let folder: string;
let spill: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "penstock-comparison-"));
  spill = join(folder, "spill");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("what does not fit into memory goes to disk, and goes away with the engine", async () => {
  const limits = { folders: [folder], connections: 1, threads: 1, memoryLimit: "32MB", timeoutMs: 60_000 };
  const without = await openDuckDb(limits);
  await expect(without.query(LARGE)).rejects.toMatchObject({ details: { detail: expect.stringContaining("32MB") } });
  without.close();
  const engine = await openDuckDb({ ...limits, spill: { folder: spill, limit: "1GB" } });
  await engine.query(LARGE);
  expect(readdirSync(spill)).not.toEqual([]);
  expect(await engine.query("SELECT count(*) AS rows, sum(n)::VARCHAR AS sum FROM large")).toEqual([
    { rows: 1_000_000, sum: "499999500000" },
  ]);
  engine.close();
  expect(existsSync(spill) ? readdirSync(spill) : []).toEqual([]);
});

it("deletes what one that was killed has left, and reads the lake alone", async () => {
  mkdirSync(spill);
  writeFileSync(join(spill, "duckdb_temp_storage-0.tmp"), "left");
  const engine = await openComparisonEngine(folder, spill);
  expect(existsSync(join(spill, "duckdb_temp_storage-0.tmp"))).toBe(false);
  await expect(engine.query("SELECT * FROM read_text('/etc/hostname')")).rejects.toThrow(/disabled|not allowed/i);
  engine.close();
});

it("keeps the tables of one query for the next, and ends a query that is interrupted", async () => {
  const engine = await openComparisonEngine(folder, spill);
  await engine.query("CREATE TEMP TABLE kept AS SELECT 42 AS n");
  expect(await engine.query("SELECT n FROM kept")).toEqual([{ n: 42 }]);
  const endless = engine.query("SELECT sum(a.range * b.range % 7) AS n FROM range(100000000) a, range(1000000) b");
  const interrupted = setInterval(() => engine.interrupt(), 20);
  await expect(endless).rejects.toMatchObject({ details: { code: "dependency_unavailable" } });
  clearInterval(interrupted);
  engine.close();
});
