import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type AuditedLake, openAuditedLake, TOPIC } from "../../fixtures/audited-lake.ts";
import { startControlPlane, type TestControlPlane } from "../../fixtures/control-plane.ts";
import { firing, green, MINUTE } from "../../fixtures/reports.ts";

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

describe("a check that cannot be made", () => {
  it("shows in the answer, alarms when that lasts, and recovers with the next one that succeeds", async () => {
    await green(lake);
    lake.trouble.error = new Error("the catalog does not answer");
    await lake.reconciliation.attempt();
    expect(await lake.reconciliation.latest()).toMatchObject({
      ...{ verdict: "ok", stale: false },
      lastError: "the catalog does not answer",
    });
    expect(await firing(running.database)).toEqual([]);
    lake.time.aheadMs = 6 * MINUTE;
    await lake.reconciliation.attempt();
    expect(await lake.reconciliation.latest()).toMatchObject({ verdict: "ok", stale: true });
    expect(await firing(running.database)).toEqual(["reconciliation:check"]);
    lake.trouble.error = null;
    await lake.reconciliation.attempt();
    expect(await lake.reconciliation.latest()).toMatchObject({ stale: false, lastError: null });
    expect(await firing(running.database)).toEqual([]);
  });
});

describe("a check that may take less than it needs", () => {
  it("is given up when a query needs more memory, and says which setting gives it more", async () => {
    const limits = { everyMs: MINUTE, timeoutMs: 2 * MINUTE, queryTimeoutMs: MINUTE, memoryBytes: 1e6 };
    const bound = await openAuditedLake(running.database, undefined, limits);
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
    const { at } = await green(lake);
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
    await green(lake);
    const [file] = lake.filesOf("silver.sales_events", 2);
    const { restore } = lake.remove("silver.sales_events", file ?? "");
    await lake.reconciliation.checkNow();
    await running.database.query("TRUNCATE reconciliations");
    restore();
    await lake.reconciliation.checkNow();
    expect(await firing(running.database)).toEqual([]);
  });

  it("lasts while its line cannot be compared", async () => {
    await lake.harvest();
    lake.topic.offsets = new Map([...TOPIC, [1, { earliest: 0n, latest: 3n }]]);
    await lake.reconciliation.checkNow();
    lake.topic.offsets = null;
    lake.time.aheadMs = 3 * MINUTE;
    expect((await lake.reconciliation.checkNow()).verdict).toBe("pending");
    expect(await firing(running.database)).toEqual(["reconciliation:topic.1"]);
  });
});

describe("while something is wrong", () => {
  it("everything is counted now and then, and what came since in between, without taking it for over", async () => {
    await green(lake);
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
