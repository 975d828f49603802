import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { doubleRow } from "../../../../test/stack/doubled-row.ts";
import { createAlertStore } from "../../../src/adapters/postgres/alerts.ts";
import type { Database } from "../../../src/adapters/postgres/database.ts";
import type { Report } from "../../../src/domain/reconciliation/report.ts";
import {
  type AuditedLake,
  type AuditedTables,
  openAuditedLake,
  others,
  RECORDS,
  TOPIC,
} from "../../fixtures/audited-lake.ts";
import { startControlPlane, type TestControlPlane } from "../../fixtures/control-plane.ts";
import { PROMOTED, ROLLED_BACK } from "../../fixtures/two-generations.ts";

let running: TestControlPlane;
let database: Database;
let lake: AuditedLake;

beforeAll(async () => {
  running = await startControlPlane();
  database = running.database;
}, 60_000);

afterAll(async () => {
  await running?.stop();
});

beforeEach(async () => {
  lake = await openAuditedLake(database);
  return () => lake.close();
});

const line = (report: Report, id: string) => report.lines.find((each) => each.id === id) ?? expect.fail(`no ${id}`);
const sum = (report: Report, ids: string, field: "expected" | "pending") =>
  report.lines.filter(({ id }) => id.startsWith(ids)).reduce((all, each) => all + Number(each[field]), 0);
const failed = (report: Report) => report.lines.filter(({ verdict }) => verdict === "failed").map(({ id }) => id);
const MINUTE = 60_000;
const firing = async () =>
  (await createAlertStore(database).list({ state: "firing", severity: undefined }, 100, null)).map(({ key }) => key);
const recount = async () => (await lake.reconciliation.recount(60_000)) ?? expect.fail("it took too long");

/** A first check of the lake as the jobs left it. */
async function green(): Promise<Report> {
  await lake.harvest();
  const report = await lake.reconciliation.checkNow();
  expect(others(report.lines, "ok")).toEqual([]);
  return report;
}

describe("tables of which a replay has made some anew", () => {
  let shared: AuditedLake;

  beforeEach(async () => {
    shared = await openAuditedLake(database, PROMOTED);
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
    await database.query(
      `UPDATE ledger SET entry = jsonb_set(entry, '{source,to}', to_jsonb($1::text)) WHERE "table" = 'silver.sales_events' AND version = 2`,
      [offset],
    );
    const report = await lake.reconciliation.checkNow();
    expect(failed(report)).toEqual([]);
    expect(sum(report, "silver.offsets.", "expected")).toBe(24);
    expect(sum(report, "silver.offsets.", "pending")).toBe(48);
  });
});

describe("tables that agree", () => {
  it("hold in every line, and each says what it was computed at", async () => {
    const report = await green();
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
    const anew = await recount();
    expect(anew.kind).toBe("recount");
    expect(last.lines).toEqual(anew.lines);
    expect(last.read.bytes).toBeLessThan(anew.read.bytes);
    expect(await lake.reconciliation.latest()).toEqual({ ...anew, stale: false, lastError: null });
  });

  it("read nothing when nothing came", async () => {
    await green();
    const again = await lake.reconciliation.checkNow();
    expect(again).toMatchObject({ verdict: "ok", kind: "incremental" });
    const silver = await recount();
    expect(again.lines).toEqual(silver.lines);
  });

  it("have nothing to say before the first commit", async () => {
    await expect(lake.reconciliation.latest()).rejects.toMatchObject({ details: { code: "not_ready" } });
    const report = await lake.reconciliation.checkNow();
    expect(report.verdict).toBe("pending");
    expect(failed(report)).toEqual([]);
  });
});

describe("a data file that is gone", () => {
  it("turns red and alarms, names the file, and is green again when it is back", async () => {
    await green();
    const [file] = lake.filesOf("silver.sales_events", 2);
    if (file === undefined) throw new Error("silver has no file");
    const { restore } = lake.remove("silver.sales_events", file);
    const red = await lake.reconciliation.checkNow();
    expect(red.verdict).toBe("failed");
    expect(line(red, "files.silver.sales_events").detail).toContain(`${decodeURIComponent(file)} is gone`);
    const alerts = createAlertStore(database);
    const firing = await alerts.list({ state: "firing", severity: undefined }, 100, null);
    expect(firing.map(({ key }) => key)).toContain("reconciliation:files.silver.sales_events");

    restore();
    const after = await lake.reconciliation.checkNow();
    expect(after, "after a check that failed, everything is counted").toMatchObject({ verdict: "ok", kind: "recount" });
    expect(await alerts.list({ state: "firing", severity: undefined }, 100, null)).toEqual([]);
    expect(await lake.reconciliation.checkNow()).toMatchObject({ verdict: "ok", kind: "incremental" });
  });

  it("is found by a recount with the offsets that are missing", async () => {
    await lake.harvest();
    const [file] = lake.filesOf("silver.sales_events", 2);
    if (file === undefined) throw new Error("silver has no file");
    lake.remove("silver.sales_events", file);
    const anew = await recount();
    expect(failed(anew)).toEqual(
      expect.arrayContaining(["files.silver.sales_events", expect.stringMatching(/^silver\.offsets\.\d$/)]),
    );
    const missing = anew.lines.find(({ id, verdict }) => id.startsWith("silver.offsets.") && verdict === "failed");
    expect(missing?.detail).toMatch(/no row in silver: partition \d: offsets? \d+/);
  });

  it("of bronze names the offsets that are nowhere, though they lie at the edge", async () => {
    await green();
    const [file] = lake.filesOf("bronze.sales_events", 7);
    if (file === undefined) throw new Error("compaction made no file");
    lake.remove("bronze.sales_events", file);
    const red = await recount();
    expect(line(red, "bronze.rows")).toMatchObject({ verdict: "failed", expected: String(RECORDS), actual: "0" });
    expect(line(red, "files.bronze.sales_events").detail).toContain(decodeURIComponent(file));
  });

  it("is seen, too, when it was put back with other content", async () => {
    await green();
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
    await green();
    lake.double("bronze.sales_events", 6, 8, false);
    await lake.harvest();
    const red = await lake.reconciliation.checkNow();
    expect(red.kind).toBe("incremental");
    expect(line(red, "ledger.bronze.sales_events").detail).toMatch(/^version 8 added rows without a ledger entry/);
    expect(line(red, "bronze.offsets.0").detail).toBe(
      "rows for offsets that were read before: partition 0: offsets 20-23",
    );
    expect(line(red, "bronze.rows")).toMatchObject({ verdict: "failed", expected: "72", actual: "84" });
    const anew = await recount();
    expect(line(anew, "bronze.offsets.1").detail).toBe("more than one row: partition 1: offsets 20-23");
  });

  it("in silver, as if a batch was written twice", async () => {
    await green();
    lake.double("silver.sales_events", 3, 4, true);
    await lake.harvest();
    const red = await lake.reconciliation.checkNow();
    expect(line(red, "ledger.silver.sales_events").detail).toBe("version 4 holds batch 2 after batch 2");
    expect(line(red, "silver.offsets.2").detail).toMatch(/were judged before: partition 2: offsets 17-24$/);
    const anew = await recount();
    expect(line(anew, "silver.offsets.2").detail).toBe("more than one row in silver: partition 2: offsets 17-24");
    expect(failed(anew)).toContain("silver.twice");
    expect(line(anew, "silver.twice").detail).toMatch(
      /was accepted 2 times within the dedup horizon, at partition\/offset/,
    );
  });

  it("in silver, by a compaction that went wrong, until that is undone", async () => {
    await green();
    const { partition, offset, undo } = await doubleRow(lake.path("silver.sales_events", ""), { outcome: "accepted" });
    await lake.harvest();
    const red = await lake.reconciliation.checkNow();
    expect(red.kind).toBe("incremental");
    expect(failed(red)).toEqual(["files.silver.sales_events"]);
    expect(line(red, "files.silver.sales_events").detail).toMatch(
      /holds 73 rows, 72 were counted when they were added/,
    );
    const anew = await recount();
    expect(line(anew, `silver.offsets.${partition}`).detail).toBe(
      `more than one row in silver: partition ${partition}: offset ${offset}`,
    );
    expect(line(anew, "silver.twice").detail).toContain(
      `at partition/offset ${partition}/${offset}, ${partition}/${offset}`,
    );
    expect(line(anew, "outcome.accepted").detail).toMatch(/\d+ where \d+ were expected/);
    undo();
    await lake.harvest();
    expect(others((await recount()).lines, "ok")).toEqual([]);
  });

  it("in gold's updates, and in its final rows, names the windows", async () => {
    await green();
    lake.double("gold.revenue_5m_updates", 3, 4, true);
    lake.double("gold.revenue_5m", 3, 4, true);
    await lake.harvest();
    for (const red of [await lake.reconciliation.checkNow(), await recount()]) {
      expect(failed(red)).toEqual(expect.arrayContaining(["gold.amount.EUR", "gold.records.EUR", "gold.final"]));
      expect(line(red, "gold.amount.EUR").detail).toMatch(
        /^window 2026-01-01T00:\d\d:\d\dZ pro EU: silver has \d+\.\d\d from/,
      );
      expect(line(red, "gold.final").detail).toContain("a revision is there more than once");
    }
  });

  it("in the metrics of data quality names the batch", async () => {
    await green();
    lake.double("dq.revenue_5m.metrics", 2, 4, true);
    await lake.harvest();
    expect(line(await recount(), "dq.totals").detail).toContain("batch 1 stands 2 times");
  });
});

describe("a record that people let in", () => {
  const fileOf = (outcome: string) =>
    lake.filesOf("silver.sales_events", 2).find((file) => file.startsWith(`outcome=${outcome}/`)) ?? "";

  it("is accepted beside the row that refused it, and on its way to gold", async () => {
    await green();
    await lake.decide(await lake.letIn(fileOf("late"), 4), 4);
    await lake.harvest();
    const untold = await lake.reconciliation.checkNow();
    expect(others(untold.lines, "ok"), "the job has not told of it yet").toEqual([]);
    expect(line(untold, "silver.overrides")).toMatchObject({ expected: "1", actual: "1", pending: "1" });
    await lake.tell(4, "applied", 4);
    for (const report of [await lake.reconciliation.checkNow(), await recount()]) {
      expect(others(report.lines, "ok")).toEqual([]);
      expect(line(report, "silver.overrides")).toMatchObject({ expected: "1", actual: "1", pending: "0" });
      expect(line(report, "gold.records").pending).toBe("1");
      expect(sum(report, "silver.offsets.", "expected")).toBe(RECORDS);
    }
  });

  it("though it was accepted already, is red", async () => {
    await green();
    await lake.decide(await lake.letIn(fileOf("accepted"), 4), 4);
    await lake.tell(4, "applied", 4);
    await lake.harvest();
    for (const report of [await lake.reconciliation.checkNow(), await recount()]) {
      expect(failed(report)).toEqual(["silver.overrides"]);
      expect(line(report, "silver.overrides").detail).toMatch(
        /^let in, and not refused before: partition \d: offset \d+$/,
      );
    }
  });

  it("though nobody decided so, or it was refused once more, is red", async () => {
    await green();
    const place = await lake.letIn(fileOf("late"), 4);
    await lake.harvest();
    const name = `override 4 (partition ${place.partition}, offset ${place.offset})`;
    for (const report of [await lake.reconciliation.checkNow(), await recount()]) {
      expect(failed(report)).toEqual(["silver.overrides"]);
      expect(line(report, "silver.overrides")).toMatchObject({ expected: "0", actual: "1" });
      expect(line(report, "silver.overrides").detail).toBe(`${name} has a row, and nobody has decided it`);
    }
    await lake.decide(place, 4);
    await lake.tell(4, "refused", null);
    lake.time.aheadMs = MINUTE;
    expect(line(await recount(), "silver.overrides").detail).toBe(`${name} has a row, though it was refused`);
  });

  it("is red where the database says so and silver has no row of it", async () => {
    await green();
    const place = await lake.letIn(fileOf("late"), 4);
    await lake.decide(place, 4);
    await lake.tell(4, "applied", 4);
    await lake.decide({ ...place, offset: String(Number(place.offset) - 1) }, 5);
    await lake.tell(5, "applied", 4);
    await lake.harvest();
    const name = `override 5 (partition ${place.partition}, offset ${Number(place.offset) - 1})`;
    for (const report of [await lake.reconciliation.checkNow(), await recount()]) {
      expect(failed(report)).toEqual(["silver.overrides"]);
      expect(line(report, "silver.overrides")).toMatchObject({ expected: "2", actual: "1" });
      expect(line(report, "silver.overrides").detail).toBe(`${name} was applied, and no row has it`);
    }
  });

  it("is awaited until the table has come to its commit", async () => {
    await green();
    await lake.decide({ partition: 0, offset: "3" }, 7);
    await lake.tell(7, "applied", 9);
    for (const report of [await lake.reconciliation.checkNow(), await recount()]) {
      expect(others(report.lines, "ok")).toEqual([]);
      expect(line(report, "silver.overrides")).toMatchObject({ expected: "0", actual: "0", pending: "0" });
    }
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

describe("a recount", () => {
  it("runs alone, and goes on when nobody waits for it", async () => {
    await lake.harvest();
    const first = lake.reconciliation.recount(0);
    await expect(lake.reconciliation.recount(0)).rejects.toMatchObject({ details: { code: "recount_running" } });
    expect(await first).toBeNull();
    await expect
      .poll(() => lake.reconciliation.latest().catch(() => null), { timeout: 4_000 })
      .toMatchObject({ verdict: "ok" });
  });
});

describe("a check that cannot be made", () => {
  it("shows in the answer, alarms when that lasts, and recovers with the next one that succeeds", async () => {
    await green();
    lake.trouble.error = new Error("the catalog does not answer");
    await lake.reconciliation.attempt();
    expect(await lake.reconciliation.latest()).toMatchObject({
      ...{ verdict: "ok", stale: false },
      lastError: "the catalog does not answer",
    });
    expect(await firing()).toEqual([]);
    lake.time.aheadMs = 6 * MINUTE;
    await lake.reconciliation.attempt();
    expect(await lake.reconciliation.latest()).toMatchObject({ verdict: "ok", stale: true });
    expect(await firing()).toEqual(["reconciliation:check"]);
    lake.trouble.error = null;
    await lake.reconciliation.attempt();
    expect(await lake.reconciliation.latest()).toMatchObject({ stale: false, lastError: null });
    expect(await firing()).toEqual([]);
  });
});

describe("a check that may take less than it needs", () => {
  it("is given up when a query needs more memory, and says which setting gives it more", async () => {
    const limits = { everyMs: MINUTE, timeoutMs: 2 * MINUTE, queryTimeoutMs: MINUTE, memoryBytes: 1e6 };
    const bound = await openAuditedLake(database, undefined, limits);
    await bound.harvest();
    await expect(bound.reconciliation.recount(MINUTE).finally(bound.close)).rejects.toMatchObject({
      details: {
        ...{ status: 503, code: "check_given_up" },
        detail: "Comparing the tables took more than it may. Of one of its queries: It needs more than 1MB of memory.",
        next: expect.stringContaining("PENSTOCK_RECONCILIATION_MEMORY (1MB)"),
      },
    });
  });

  it("is given up when its time is up, shows that in the answer, and the newest report stays", async () => {
    const { at } = await green();
    lake.time.perLookMs = 3 * MINUTE;
    await lake.reconciliation.attempt();
    expect(await lake.reconciliation.latest()).toMatchObject({
      at,
      lastError: "Comparing the tables took more than it may. In all it took longer than 120000 ms.",
    });
  });
});

describe("an alert of a line", () => {
  it("ends though the report that fired it was never saved", async () => {
    await green();
    const [file] = lake.filesOf("silver.sales_events", 2);
    const { restore } = lake.remove("silver.sales_events", file ?? "");
    await lake.reconciliation.checkNow();
    await database.query("TRUNCATE reconciliations");
    restore();
    await lake.reconciliation.checkNow();
    expect(await firing()).toEqual([]);
  });

  it("lasts while its line cannot be compared", async () => {
    await lake.harvest();
    lake.topic.offsets = new Map([...TOPIC, [1, { earliest: 0n, latest: 3n }]]);
    await lake.reconciliation.checkNow();
    lake.topic.offsets = null;
    lake.time.aheadMs = 3 * MINUTE;
    expect((await lake.reconciliation.checkNow()).verdict).toBe("pending");
    expect(await firing()).toEqual(["reconciliation:topic.1"]);
  });
});

describe("while something is wrong", () => {
  it("everything is counted now and then, and what came since in between, without taking it for over", async () => {
    await green();
    const [file] = lake.filesOf("silver.sales_events", 2);
    const { restore } = lake.remove("silver.sales_events", file ?? "");
    const kinds: string[] = [];
    for (let minute = 0; minute < 5; minute += 1) {
      lake.time.aheadMs = minute * MINUTE;
      const { kind, verdict } = await lake.reconciliation.checkNow();
      kinds.push(kind);
      expect(verdict).toBe("failed");
    }
    expect(kinds).toEqual(["incremental", "recount", "incremental", "recount", "incremental"]);
    restore();
    lake.time.aheadMs = 5 * MINUTE;
    expect(await lake.reconciliation.checkNow()).toMatchObject({ verdict: "failed", kind: "incremental" });
    lake.time.aheadMs = 7 * MINUTE;
    expect(await lake.reconciliation.checkNow()).toMatchObject({ verdict: "ok", kind: "recount" });
  });
});

describe("a recount that is asked for", () => {
  it("is refused where another control plane decides", async () => {
    await lake.harvest();
    const asked = lake.reconciliation.askedRecount(MINUTE);
    await expect(asked).rejects.toMatchObject({ details: { status: 503, code: "not_ready" } });
    await expect(lake.reconciliation.latest()).rejects.toMatchObject({ details: { code: "not_ready" } });
  });

  it("is the newest report so soon after another one", async () => {
    await lake.harvest();
    lake.reconciliation.start();
    await lake.reconciliation.checkNow();
    const first = await lake.reconciliation.askedRecount(MINUTE);
    expect(await lake.reconciliation.askedRecount(MINUTE)).toEqual(first);
    lake.time.aheadMs = 2 * MINUTE;
    expect((await lake.reconciliation.askedRecount(MINUTE))?.at).not.toBe(first?.at);
    await lake.reconciliation.stop();
  });
});
