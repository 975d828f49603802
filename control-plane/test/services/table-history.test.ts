import { rmSync } from "node:fs";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { lakeFiles } from "../../src/adapters/lake-files.ts";
import { TableHistory } from "../../src/services/table-history.ts";
import { unpackLake } from "../fixtures/lake.ts";

const lake = unpackLake();
const root = lake.path("delta/commits");
let history: TableHistory;

beforeEach(() => {
  history = new TableHistory(lakeFiles());
});
afterAll(() => lake.remove());

describe("a table commit by commit", () => {
  it("tells the rows that readers still have to read: none of compaction and deletion", async () => {
    const commits = await history.after("t", root, 7);
    expect(commits?.map(({ version, rows }) => [version, rows])).toEqual([
      [8, 2],
      [9, 0],
      [10, 0],
      [11, 1],
    ]);
    expect(commits?.every(({ at }) => (at ?? 0) > Date.parse("2020-01-01"))).toBe(true);
  });

  it("has nothing after its newest version", async () => {
    expect(await history.after("t", root, 11)).toEqual([]);
    expect(await history.newestVersion(root)).toBe(11);
  });

  it("tells the newest ledger entry of a job's batches", async () => {
    const silver = lake.path("sales/silver.sales_events");
    const found = await history.newestEntry("silver", silver, (entry) => entry.kind === "batch");
    expect(found).toMatchObject({ version: 2, entry: { job: "sales.silver", batch: 6 } });
    expect(await history.newestEntry("silver", silver, (entry) => entry.job === "another")).toBeNull();
  });

  it("does not guess where log clean-up has removed commits", async () => {
    expect(await history.after("t", lake.path("delta/cleaned"), 2)).toBeNull();
    rmSync(lake.log("delta/multipart", "00000000000000000006.json"));
    expect(await history.after("t", lake.path("delta/multipart"), 5)).toBeNull();
  });

  it("has no version while there is no table", async () => {
    expect(await history.newestVersion(lake.path("none"))).toBeNull();
    expect(await history.after("t", lake.path("none"), -1)).toEqual([]);
  });
});
