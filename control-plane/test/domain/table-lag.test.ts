import { describe, expect, it } from "vitest";
import type { CommitSummary } from "../../src/domain/delta/history.ts";
import { tableLag } from "../../src/domain/table-lag.ts";

const now = new Date(100_000);
const commit = (version: number, rows: number | null, at: number | null = 90_000): CommitSummary => ({
  version,
  at,
  rows,
  entry: null,
});

describe("the lag behind a table", () => {
  it("counts versions, their rows, and the age of the oldest rows", () => {
    expect(tableLag(3, 5, [commit(4, 10, 88_500), commit(5, 7)], now)).toEqual({
      committed: "3",
      latest: "5",
      lagVersions: "2",
      lagRecords: "17",
      lagSeconds: 11.5,
    });
  });

  it("is none when only commits without rows are left: compaction, ticks", () => {
    expect(tableLag(3, 5, [commit(4, 0), commit(5, 0)], now)).toMatchObject({
      lagVersions: "2",
      lagRecords: "0",
      lagSeconds: 0,
    });
  });

  it("is unknown where commits do not say or cannot be read", () => {
    expect(tableLag(3, 4, [commit(4, null, null)], now)).toMatchObject({ lagRecords: null, lagSeconds: null });
    expect(tableLag(3, 900, null, now)).toMatchObject({ lagVersions: "897", lagRecords: null, lagSeconds: null });
  });

  it("is unknown while there is no table, and the whole of it before the first batch", () => {
    expect(tableLag(-1, null, [], now)).toEqual({
      committed: null,
      latest: null,
      lagVersions: null,
      lagRecords: null,
      lagSeconds: null,
    });
    expect(tableLag(-1, 0, [commit(0, 0)], now)).toMatchObject({
      committed: null,
      latest: "0",
      lagVersions: "1",
      lagRecords: "0",
    });
  });
});
