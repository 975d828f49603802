import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import {
  type AuditedLake,
  type AuditedTables,
  openAuditedLake,
  others,
  RECORDS,
  TOPIC,
} from "../../fixtures/audited-lake.ts";
import { startControlPlane, type TestControlPlane } from "../../fixtures/control-plane.ts";
import { failed, green, line, MINUTE, recount, sum } from "../../fixtures/reports.ts";
import { PROMOTED, ROLLED_BACK } from "../../fixtures/two-generations.ts";

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

describe("tables that agree", () => {
  it("hold in every line, and each says what it was computed at", async () => {
    const report = await green(lake);
    expect(report).toMatchObject({ verdict: "ok", kind: "recount", generation: 1 });
    expect(report.lines.map(({ id }) => id)).toEqual([
      ...[0, 1, 2].map((partition) => `topic.${partition}`),
      "bronze.rows",
      ...[0, 1, 2].map((partition) => `bronze.offsets.${partition}`),
      ...[0, 1, 2].map((partition) => `silver.offsets.${partition}`),
      ...["silver.overrides", "silver.duplicates", "silver.twice"],
      ...["accepted", "duplicate", "late", "future", "undecodable", "invalid"].map((outcome) => `outcome.${outcome}`),
      "gold.records",
      ...["CAD", "EUR", "USD"].flatMap((currency) => [`gold.amount.${currency}`, `gold.records.${currency}`]),
      "gold.final",
      "dq.totals",
      ...[
        ...["bronze.sales_events", "silver.sales_events", "gold.revenue_5m_updates", "gold.revenue_5m"],
        ...["dq.revenue_5m.metrics", "dq.revenue_5m.samples"],
      ].flatMap((table) => [`files.${table}`, `ledger.${table}`]),
    ]);
    expect(sum(report, "silver.offsets.", "expected")).toBe(RECORDS);
    expect(sum(report, "outcome.", "expected")).toBe(RECORDS);
    expect(line(report, "bronze.offsets.2").detail).toContain("with 1 offset without a record");
    expect(line(report, "gold.amount.EUR").at.tables).toEqual({
      "gold.revenue_5m_updates": 3,
      "silver.sales_events": 3,
    });
  });

  it("are checked by what came since, with the same result as a recount of all rows", async () => {
    await lake.harvest();
    lake.endAt({
      "bronze.sales_events": 2,
      "silver.sales_events": 1,
      "gold.revenue_5m_updates": 1,
      "gold.revenue_5m": 1,
      "dq.revenue_5m.metrics": 1,
      "dq.revenue_5m.samples": 1,
    });
    expect(await lake.reconciliation.checkNow()).toMatchObject({ verdict: "ok", kind: "recount" });

    // Each table is at another position: what is beyond is on its way, and nothing has failed.
    lake.endAt({ "bronze.sales_events": 5, "silver.sales_events": 2, "gold.revenue_5m_updates": 1 });
    const between = await lake.reconciliation.checkNow();
    expect(others(between.lines, "ok")).toEqual([]);
    expect(between.kind).toBe("incremental");
    expect(sum(between, "silver.offsets.", "pending")).toBe(12);
    expect(Number(line(between, "gold.records").pending)).toBeGreaterThan(0);

    lake.endAt({});
    const last = await lake.reconciliation.checkNow();
    expect(last).toMatchObject({ verdict: "ok", kind: "incremental" });
    const anew = await recount(lake);
    expect(anew.kind).toBe("recount");
    expect(last.lines).toEqual(anew.lines);
    expect(last.read.bytes).toBeLessThan(anew.read.bytes);
    expect(await lake.reconciliation.latest()).toEqual({ ...anew, stale: false, lastError: null });
  });

  it("read nothing when nothing came", async () => {
    await green(lake);
    const again = await lake.reconciliation.checkNow();
    expect(again).toMatchObject({ verdict: "ok", kind: "incremental" });
    const silver = await recount(lake);
    expect(again.lines).toEqual(silver.lines);
  });

  it("have nothing to say before the first commit", async () => {
    await expect(lake.reconciliation.latest()).rejects.toMatchObject({ details: { code: "not_ready" } });
    const report = await lake.reconciliation.checkNow();
    expect(report.verdict).toBe("pending");
    expect(failed(report)).toEqual([]);
  });
});

describe("tables of which a replay has made some anew", () => {
  let shared: AuditedLake;

  beforeEach(async () => {
    shared = await openAuditedLake(running.database, PROMOTED);
    // The one that both generations' silver tables have let in.
    await shared.decide({ partition: 1, offset: "2" }, 1);
    return () => shared.close();
  });

  const checked = async (tables: AuditedTables) => {
    shared.promote(tables);
    await shared.harvest();
    return shared.reconciliation.checkNow();
  };

  it("agree, each by the ledger of its own generation", async () => {
    const report = await checked(PROMOTED);
    expect(others(report.lines, "ok")).toEqual([]);
    expect(report).toMatchObject({ verdict: "ok", generation: 2 });
    expect(sum(report, "silver.offsets.", "expected")).toBe(96);
    expect(line(report, "ledger.bronze.sales_events").expected).not.toBe("0");
  });

  it("agree as far as they have read, when the generation before is live again", async () => {
    const report = await checked(ROLLED_BACK);
    expect(failed(report)).toEqual([]);
    expect(report).toMatchObject({ generation: 1 });
    expect(sum(report, "silver.offsets.", "expected")).toBe(72);
    expect(sum(report, "silver.offsets.", "pending")).toBe(24);
  });

  it("are counted anew for a generation that was never checked, and go on where the last check of one that was ended", async () => {
    const kinds: string[] = [];
    for (const tables of [ROLLED_BACK, PROMOTED, ROLLED_BACK, PROMOTED]) {
      const { kind, generation, lines } = await checked(tables);
      kinds.push(`${generation} ${kind}`);
      expect(lines.filter(({ verdict }) => verdict === "failed")).toEqual([]);
    }
    expect(kinds).toEqual(["1 recount", "2 recount", "1 incremental", "2 incremental"]);
  });
});

describe("a job that reads a copy of what the log of its source had forgotten", () => {
  it("is compared where it had read the table itself: versions of the copy end elsewhere", async () => {
    await lake.harvest();
    lake.endAt({ "silver.sales_events": 2, "gold.revenue_5m_updates": 2, "dq.revenue_5m.metrics": 2 });
    // Its newest batch ends with a version of the copy that has the number of bronze's newest one.
    const offset = JSON.stringify({ reservoirVersion: 7, index: -1, isStartingVersion: false });
    await running.database.query(
      `UPDATE ledger SET entry = jsonb_set(entry, '{source,to}', to_jsonb($1::text)) WHERE "table" = 'silver.sales_events' AND version = 2`,
      [offset],
    );
    const report = await lake.reconciliation.checkNow();
    expect(failed(report)).toEqual([]);
    expect(sum(report, "silver.offsets.", "expected")).toBe(24);
    expect(sum(report, "silver.offsets.", "pending")).toBe(48);
  });
});

describe("the topic", () => {
  it("that lost records before they were read, or is another one, is red; one that does not answer is pending", async () => {
    await lake.harvest();
    lake.topic.offsets = new Map([...TOPIC, [0, { earliest: 30n, latest: 40n }], [1, { earliest: 0n, latest: 3n }]]);
    const red = await lake.reconciliation.checkNow();
    expect(line(red, "topic.0").detail).toBe(
      "Kafka's log begins at 30: the records 24-29 were lost to retention before they were read",
    );
    expect(line(red, "topic.1").detail).toContain("the topic is not the one that was read");
    lake.topic.offsets = null;
    lake.time.aheadMs = 3 * MINUTE;
    const away = await lake.reconciliation.checkNow();
    expect(line(away, "topic.0")).toMatchObject({ verdict: "pending", detail: "Kafka does not answer" });
    lake.topic.offsets = new Map([...TOPIC, [0, { earliest: 0n, latest: 40n }]]);
    expect(line(await lake.reconciliation.checkNow(), "topic.0")).toMatchObject({ verdict: "ok", pending: "16" });
  });
});
