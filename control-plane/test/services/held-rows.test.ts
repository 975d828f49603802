import { unlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DuckDb } from "../../src/adapters/duckdb.ts";
import type { Snapshots } from "../../src/services/snapshots.ts";
import { GoldWriter } from "../fixtures/gold-writer.ts";

const UPDATES = "gold.revenue_5m_updates";
const COLUMNS = ["window_date", "window_start", "currency", "revenue", "batch_id"];

let writer: GoldWriter;
let holding: { snapshots: Snapshots; engine: DuckDb };
let reading: { snapshots: Snapshots; engine: DuckDb };

beforeEach(async () => {
  writer = await GoldWriter.open();
  holding = await writer.read([UPDATES]);
  reading = await writer.read();
});

afterEach(() => {
  holding.engine.close();
  reading.engine.close();
  writer.remove();
});

async function append(batches: number, day = "2026-11-21"): Promise<void> {
  for (let n = 0; n < batches; n += 1) {
    const part = { plan_tier: "pro", region: "EU", currency: "EUR", revenue: `${n}.25`, event_count: 1 };
    await writer.append([{ ...part, start: `${day}T00:05:00Z` }], `${day}T00:10:00Z`);
  }
}

function rows({ snapshots }: { snapshots: Snapshots }, keep?: (partition: Record<string, string | null>) => boolean) {
  return snapshots.read([UPDATES], async (set) =>
    set.query(`SELECT * FROM ${set.relation(UPDATES, COLUMNS, keep)} ORDER BY ALL`),
  );
}

/** Tables in the engine's memory. */
async function held(): Promise<number> {
  const [row] = await holding.engine.query("SELECT count(*) AS n FROM duckdb_tables()");
  return Number(row?.n);
}

describe("rows held in memory", () => {
  it("are those of the files, version by version: appended, compacted, appended again", async () => {
    for (const step of [3, 1, 5, "compact", 2, 4, "compact", 1] as const) {
      if (step === "compact") await writer.optimise(UPDATES);
      else await append(step);
      expect(await rows(holding), `after ${step}`).toEqual(await rows(reading));
    }
  });

  it("are held once files are many, in one table, whose predecessors are dropped", async () => {
    await append(3);
    await rows(holding);
    expect(await held()).toBe(0);
    await append(2);
    await rows(holding);
    expect(await held()).toBe(1);
    await append(1);
    await rows(holding);
    await expect.poll(held).toBe(1);
    await writer.optimise(UPDATES);
    await rows(holding);
    await expect.poll(held).toBe(0);
  });

  it("stay for an answer that began before a newer version came", async () => {
    await append(5);
    const old = holding.snapshots.read([UPDATES], async (set) => {
      await append(1);
      expect(await rows(holding)).toHaveLength(6);
      return set.query(`SELECT * FROM ${set.relation(UPDATES, COLUMNS)}`);
    });
    expect(await old).toHaveLength(5);
    await expect.poll(held).toBe(1);
  });

  it("leave out files whose partition is not wanted", async () => {
    await append(4);
    await append(3, "2026-11-22");
    const of = (day: string) => (partition: Record<string, string | null>) => partition.window_date === day;
    for (const [day, count] of [
      ["2026-11-21", 4],
      ["2026-11-22", 3],
      ["2026-11-23", 0],
    ] as const) {
      const found = await rows(holding, of(day));
      expect([found.length, found], day).toEqual([count, await rows(reading, of(day))]);
    }
  });

  it("are read again by nobody: a file that they are of need not be there any more", async () => {
    await append(5);
    const before = await rows(holding);
    const [file] = await reading.snapshots.read([UPDATES], async (set) => [...(set.snapshot(UPDATES)?.files ?? [])]);
    unlinkSync(join(writer.path(UPDATES), file?.[1].path ?? ""));
    expect(await rows(holding)).toEqual(before);
    await expect(rows(reading)).rejects.toThrow("vanished");
  });
});
