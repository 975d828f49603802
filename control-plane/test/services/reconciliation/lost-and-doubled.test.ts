import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { doubleRow } from "../../../../test/stack/doubled-row.ts";
import { type AuditedLake, openAuditedLake, others, RECORDS } from "../../fixtures/audited-lake.ts";
import { startControlPlane, type TestControlPlane } from "../../fixtures/control-plane.ts";
import { failed, firing, green, line, recount } from "../../fixtures/reports.ts";

// Tables are checked several times in most tests; on a busy machine that adds up.
vi.setConfig({ testTimeout: 20_000 });

let running: TestControlPlane;
let lake: AuditedLake;

beforeAll(async () => {
  running = await startControlPlane();
}, 60_000);

afterAll(async () => {
  await running?.stop();
});

beforeEach(async () => {
  lake = await openAuditedLake(running.database);
  return () => lake.close();
});

describe("a data file that is gone", () => {
  it("turns red and alarms, names the file, and is green again when it is back", async () => {
    await green(lake);
    const [file] = lake.filesOf("silver.sales_events", 2);
    if (file === undefined) throw new Error("silver has no file");
    const { restore } = lake.remove("silver.sales_events", file);
    const red = await lake.reconciliation.checkNow();
    expect(red.verdict).toBe("failed");
    expect(line(red, "files.silver.sales_events").detail).toContain(`${decodeURIComponent(file)} is gone`);
    expect(await firing(running.database)).toContain("reconciliation:files.silver.sales_events");

    restore();
    const after = await lake.reconciliation.checkNow();
    expect(after, "after a check that failed, everything is counted").toMatchObject({ verdict: "ok", kind: "recount" });
    expect(await firing(running.database)).toEqual([]);
    expect(await lake.reconciliation.checkNow()).toMatchObject({ verdict: "ok", kind: "incremental" });
  });

  it("is found by a recount with the offsets that are missing", async () => {
    await lake.harvest();
    const [file] = lake.filesOf("silver.sales_events", 2);
    if (file === undefined) throw new Error("silver has no file");
    lake.remove("silver.sales_events", file);
    const anew = await recount(lake);
    expect(failed(anew)).toEqual(
      expect.arrayContaining(["files.silver.sales_events", expect.stringMatching(/^silver\.offsets\.\d$/)]),
    );
    const missing = anew.lines.find(({ id, verdict }) => id.startsWith("silver.offsets.") && verdict === "failed");
    expect(missing?.detail).toMatch(/no row in silver: partition \d: offsets? \d+/);
  });

  it("of bronze names the offsets that are nowhere, though they lie at the edge", async () => {
    await green(lake);
    const [file] = lake.filesOf("bronze.sales_events", 7);
    if (file === undefined) throw new Error("compaction made no file");
    lake.remove("bronze.sales_events", file);
    const red = await recount(lake);
    expect(line(red, "bronze.rows")).toMatchObject({ verdict: "failed", expected: String(RECORDS), actual: "0" });
    expect(line(red, "files.bronze.sales_events").detail).toContain(decodeURIComponent(file));
  });

  it("is seen, too, when it was put back with other content", async () => {
    await green(lake);
    const [file] = lake.filesOf("gold.revenue_5m_updates", 1);
    if (file === undefined) throw new Error("gold has no file");
    const size = lake.lengthen("gold.revenue_5m_updates", file);
    const red = await lake.reconciliation.checkNow();
    expect(line(red, "files.gold.revenue_5m_updates").detail).toContain(`has ${size} bytes`);
  });
});

describe("a bronze that was told where to begin", () => {
  const NOTHING = {
    ...{ "silver.sales_events": 0, "gold.revenue_5m": 0, "gold.revenue_5m_updates": 0 },
    ...{ "dq.revenue_5m.metrics": 0, "dq.revenue_5m.samples": 0 },
  };

  it("lacks what is missing from there on, and says from which offset", async () => {
    lake.begin("bronze.sales_events", { "0": "0", "1": "0", "2": "0" });
    const [first] = lake.filesOf("bronze.sales_events", 1);
    lake.remove("bronze.sales_events", first ?? "");
    await lake.harvest();
    // Before it was compacted.
    lake.endAt({ "bronze.sales_events": 2, ...NOTHING });
    const red = await lake.reconciliation.checkNow();
    expect(line(red, "bronze.offsets.0").detail).toMatch(/no row in partition 0 for offsets 0-\d/);
  });

  it("lacks nothing of what lies before, also where it had read nothing when it was first checked", async () => {
    lake.begin("bronze.sales_events", { "0": "0", "1": "0", "2": "0" });
    await lake.harvest();
    lake.endAt({ "bronze.sales_events": 0, ...NOTHING });
    expect(failed(await lake.reconciliation.checkNow())).toEqual([]);
    lake.endAt({});
    const report = await lake.reconciliation.checkNow();
    expect(failed(report)).toEqual([]);
    expect(line(report, "bronze.offsets.0").detail).toMatch(/^offsets 0 to 23, without a gap/);
  });
});

describe("a row that is there twice", () => {
  it("in bronze, added by a stranger, names version, partition and offsets", async () => {
    await green(lake);
    lake.double("bronze.sales_events", 6, 8, false);
    await lake.harvest();
    const red = await lake.reconciliation.checkNow();
    expect(red.kind).toBe("incremental");
    expect(line(red, "ledger.bronze.sales_events").detail).toMatch(/^version 8 added rows without a ledger entry/);
    expect(line(red, "bronze.offsets.0").detail).toBe(
      "rows for offsets that were read before: partition 0: offsets 20-23",
    );
    expect(line(red, "bronze.rows")).toMatchObject({ verdict: "failed", expected: "72", actual: "84" });
    const anew = await recount(lake);
    expect(line(anew, "bronze.offsets.1").detail).toBe("more than one row: partition 1: offsets 20-23");
  });

  it("in silver, as if a batch was written twice", async () => {
    await green(lake);
    lake.double("silver.sales_events", 3, 4, true);
    await lake.harvest();
    const red = await lake.reconciliation.checkNow();
    expect(line(red, "ledger.silver.sales_events").detail).toBe("version 4 holds batch 2 after batch 2");
    expect(line(red, "silver.offsets.2").detail).toMatch(/were judged before: partition 2: offsets 17-24$/);
    const anew = await recount(lake);
    expect(line(anew, "silver.offsets.2").detail).toBe("more than one row in silver: partition 2: offsets 17-24");
    expect(failed(anew)).toContain("silver.twice");
    expect(line(anew, "silver.twice").detail).toMatch(
      /was accepted 2 times within the dedup horizon, at partition\/offset/,
    );
  });

  it("in silver, by a compaction that went wrong, until that is undone", async () => {
    await green(lake);
    const { partition, offset, undo } = await doubleRow(lake.path("silver.sales_events", ""), { outcome: "accepted" });
    await lake.harvest();
    const red = await lake.reconciliation.checkNow();
    expect(red.kind).toBe("incremental");
    expect(failed(red)).toEqual(["files.silver.sales_events"]);
    expect(line(red, "files.silver.sales_events").detail).toMatch(
      /holds 73 rows, 72 were counted when they were added/,
    );
    const anew = await recount(lake);
    expect(line(anew, `silver.offsets.${partition}`).detail).toBe(
      `more than one row in silver: partition ${partition}: offset ${offset}`,
    );
    expect(line(anew, "silver.twice").detail).toContain(
      `at partition/offset ${partition}/${offset}, ${partition}/${offset}`,
    );
    expect(line(anew, "outcome.accepted").detail).toMatch(/\d+ where \d+ were expected/);
    undo();
    await lake.harvest();
    expect(others((await recount(lake)).lines, "ok")).toEqual([]);
  });

  it("in gold's updates, and in its final rows, names the windows", async () => {
    await green(lake);
    lake.double("gold.revenue_5m_updates", 3, 4, true);
    lake.double("gold.revenue_5m", 3, 4, true);
    await lake.harvest();
    for (const red of [await lake.reconciliation.checkNow(), await recount(lake)]) {
      expect(failed(red)).toEqual(expect.arrayContaining(["gold.amount.EUR", "gold.records.EUR", "gold.final"]));
      expect(line(red, "gold.amount.EUR").detail).toMatch(
        /^window 2026-01-01T00:\d\d:\d\dZ pro EU: silver has \d+\.\d\d from/,
      );
      expect(line(red, "gold.final").detail).toContain("a revision is there more than once");
    }
  });

  it("in the metrics of data quality names the batch", async () => {
    await green(lake);
    lake.double("dq.revenue_5m.metrics", 2, 4, true);
    await lake.harvest();
    expect(line(await recount(lake), "dq.totals").detail).toContain("batch 1 stands 2 times");
  });
});
