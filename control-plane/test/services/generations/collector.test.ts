import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { removeFolder } from "../../../src/adapters/folders.ts";
import { Collector } from "../../../src/services/generations/collector.ts";

let folder: string;
const discarded = new Set<number>();
const order: string[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "penstock-collector-"));
  discarded.clear();
  order.length = 0;
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function put(...path: string[]): string {
  const file = join(folder, ...path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, "");
  return file;
}

const collector = (remove = removeFolder) =>
  new Collector({
    pipeline: "sales",
    store: {
      discard: async () => [...discarded],
      leftovers: async (_, number) => ({
        tables: [`gen=${number}/silver`],
        checkpoints: [`gen=${number}/sales.silver`],
      }),
      async collected(_, number) {
        order.push(`collected ${number}`);
        discarded.delete(number);
      },
    },
    remove,
    lakeDir: join(folder, "lake"),
    checkpointDir: join(folder, "checkpoints"),
    clock: { now: () => new Date() },
    log: pino({ level: "silent" }),
  });

describe("collecting generations", () => {
  it("deletes what those that are given up have alone, with what belongs to its checkpoints, and nothing whose name only begins like it", async () => {
    const gone = [
      put("lake", "gen=2", "silver", "a.parquet"),
      put("checkpoints", "gen=2", "sales.silver", "offsets", "0"),
      put("checkpoints", "gen=2", "sales.silver.source", "bronze", "b.parquet"),
      put("checkpoints", "gen=2", "sales.silver.epochs", "1"),
      put("checkpoints", "gen=2", "sales.silver.schemas", "1.avsc"),
      put("checkpoints", "gen=2", "sales.silver.housekeeping", "vacuumed-silver"),
    ];
    const kept = [
      put("lake", "gen=1", "silver", "a.parquet"),
      put("lake", "gen=2", "silver.by_day", "a.parquet"),
      put("checkpoints", "gen=2", "sales.silver2", "offsets", "0"),
      put("checkpoints", "gen=2", "sales.silver.by_day", "offsets", "0"),
    ];
    discarded.add(2);
    await collector().collect();
    expect(gone.filter(existsSync)).toEqual([]);
    expect(kept.filter((file) => !existsSync(file))).toEqual([]);
    expect(order).toEqual(["collected 2"]);
  });

  it("begins again where it was interrupted: what is gone is no trouble", async () => {
    put("lake", "gen=2", "silver", "a.parquet");
    discarded.add(2);
    const dying = collector(async (path) => {
      await removeFolder(path);
      throw new Error("power cut");
    });
    await expect(dying.collect()).rejects.toThrow("power cut");
    expect(order).toEqual([]);
    await collector().collect();
    expect(order).toEqual(["collected 2"]);
  });
});
