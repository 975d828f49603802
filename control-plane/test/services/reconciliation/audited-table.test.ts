import { afterAll, beforeAll, expect, it } from "vitest";
import { dataFiles } from "../../../src/adapters/data-files.ts";
import { lakeFiles } from "../../../src/adapters/lake-files.ts";
import { AuditedTable, type TableMemory } from "../../../src/services/reconciliation/audited-table.ts";
import { type FixtureLake, unpackLake } from "../../fixtures/lake.ts";

let lake: FixtureLake;

beforeAll(() => {
  lake = unpackLake("audited-lake.tar.gz");
});

afterAll(() => lake?.remove());

it("forgets files that compaction has replaced", async () => {
  const memory: TableMemory = { held: [], newestInstants: new Map() };
  const root = lake.path("bronze.sales_events");
  const parts = { log: lakeFiles(), files: dataFiles(), engine: { query: async () => [] } };
  const table = new AuditedTable("bronze.sales_events", root, 7, memory, parts);
  const paths = async (version: number) => [...(await table.snapshot(version)).files.keys()];
  const [before, after] = [await paths(5), await paths(7)];
  expect(before.filter((path) => after.includes(path))).toEqual([]);
  for (const path of [...before, ...after]) memory.newestInstants.set(path, 1n);
  await table.brokenFiles(7);
  expect([...memory.newestInstants.keys()]).toEqual(after);
});
