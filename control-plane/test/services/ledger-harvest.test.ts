import { randomUUID } from "node:crypto";
import { readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { lakeFiles } from "../../src/adapters/lake-files.ts";
import type { Database, Queryable } from "../../src/adapters/postgres/database.ts";
import { createEventStore } from "../../src/adapters/postgres/events.ts";
import { createJournal } from "../../src/adapters/postgres/journal.ts";
import { createLaunchStore } from "../../src/adapters/postgres/launches.ts";
import { createLedgerStore, pruneLedger } from "../../src/adapters/postgres/ledger.ts";
import { createRunStore } from "../../src/adapters/postgres/runs.ts";
import type { Observation } from "../../src/services/alerts.ts";
import { LedgerHarvest } from "../../src/services/ledger-harvest.ts";
import { startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";
import { type FixtureLake, unpackLake } from "../fixtures/lake.ts";

const SILVER = "silver.sales_events";
const UPDATES = "gold.revenue_5m_updates";

let running: TestControlPlane;
let database: Database;
let lake: FixtureLake;

beforeAll(async () => {
  running = await startControlPlane();
  database = running.database;
}, 60_000);

afterAll(async () => {
  await running?.stop();
});

beforeEach(async () => {
  lake = unpackLake();
  now = null;
  alarms = [];
  await database.query("TRUNCATE ledger, ledger_sums, harvests, events");
  return () => lake.remove();
});

let now: number | null;
let alarms: Observation[];

function harvestOf(tables: Record<string, string>, warnings: object[] = []): LedgerHarvest {
  const paths = Object.fromEntries(Object.entries(tables).map(([name, folder]) => [name, lake.path(folder)]));
  const log = pino({ level: "warn" }, { write: (line: string) => warnings.push(JSON.parse(line)) });
  return new LedgerHarvest({
    followed: async () => Object.entries(paths).map(([table, root]) => ({ table, label: table, root })),
    lakeDir: lake.path(""),
    tables: lakeFiles(),
    store: createLedgerStore(database),
    alerts: { observe: async (seen) => void alarms.push(seen) },
    clock: { now: () => new Date(now ?? Date.now()) },
    log,
  });
}

const kept = (table: string) =>
  database.query<{ version: string; kind: string; batch: string; rowsIn: number }>(
    `SELECT version, kind, batch, (entry->'rowsIn')::integer AS "rowsIn" FROM ledger WHERE "table" = $1 ORDER BY version`,
    [table],
  );

describe("the harvest of a table's log", () => {
  it("saves every entry, and says up to which version", async () => {
    const harvest = harvestOf({ [SILVER]: "sales/silver.sales_events", [UPDATES]: "sales/gold.revenue_5m_updates" });
    expect(harvest.harvested("sales/silver.sales_events")).toBeNull();
    await harvest.round();
    expect(await kept(SILVER)).toEqual([
      { version: "1", kind: "batch", batch: "0", rowsIn: 2 },
      { version: "2", kind: "batch", batch: "6", rowsIn: 2 },
    ]);
    expect((await kept(UPDATES)).map(({ version }) => version)).toEqual(["1", "2", "3", "4", "5"]);
    expect(harvest.harvested("sales/silver.sales_events")).toBe(2);
    expect(harvest.harvested("sales/gold.revenue_5m_updates"), "a compaction has no entry, and is seen").toBe(6);
  });

  it("keeps when readers saw each commit first, which is the time of its file", async () => {
    const folder = "sales/silver.sales_events";
    const seen = new Date("2026-11-21T12:34:56.789Z");
    utimesSync(lake.log(folder, "00000000000000000002.json"), seen, seen);
    await harvestOf({ [SILVER]: folder }).round();
    const [newest] = await database.query<{ at: Date }>("SELECT at FROM ledger ORDER BY version DESC LIMIT 1");
    expect(newest?.at).toEqual(seen);
  });

  it("adds what runners did not tell, and counts what they told once", async () => {
    const launch = randomUUID();
    await createLaunchStore(database).record(launch, "sales");
    const run = await createRunStore(database).start("sales.silver", 1, launch, 1);
    const data = { kind: "batch", job: "sales.silver", generation: 1, epoch: run?.epoch, batch: 0, rowsIn: 2 };
    await createEventStore(database).save(launch, [
      {
        sequence: 1,
        type: "batch",
        job: "sales.silver",
        generation: 1,
        epoch: run?.epoch ?? 0,
        at: "2026-11-21T00:00:00Z",
        data: { ...data, rows: { accepted: 2 }, table: SILVER, version: 1 },
      },
    ]);
    const harvest = harvestOf({ [SILVER]: "sales/silver.sales_events" });
    await harvest.round();
    await harvestOf({ [SILVER]: "sales/silver.sales_events" }).round();
    expect((await kept(SILVER)).map(({ batch }) => batch)).toEqual(["0", "6"]);
    // The entries of the fixture are of epoch 1, as this run is.
    expect(run?.epoch).toBe(1);
    const found = await createRunStore(database).find("sales.silver", 1);
    expect([found?.batches, found?.rows, found?.outcomes]).toEqual(["2", "4", { accepted: 4 }]);
    const { events } = await createJournal(database).after(0n, { types: ["batch.committed"], subjects: [] }, 10);
    expect(events.map(({ data }) => [data.batch, data.version])).toEqual([
      [0, 1],
      [6, 2],
    ]);
  });

  it("goes on where it stopped, and leaves commits of the last seconds to the runner", async () => {
    const tables = { [SILVER]: "sales/silver.sales_events" };
    const patient = harvestOf(tables);
    await patient.round(100 * 365 * 86_400_000);
    expect(await kept(SILVER)).toEqual([]);
    expect(patient.harvested("sales/silver.sales_events")).toBeNull();
    await harvestOf(tables).round();
    await database.query("TRUNCATE ledger");
    const next = harvestOf(tables);
    await next.round();
    expect(next.harvested("sales/silver.sales_events")).toBe(2);
    expect(await kept(SILVER), "what is harvested is not read again").toEqual([]);
  });

  it("goes on with the other tables when one cannot be read, and alarms when that lasts", async () => {
    const broken = lake.log("sales/silver.sales_events", "00000000000000000001.json");
    const whole = readFileSync(broken);
    writeFileSync(broken, "{ not a commit");
    const warnings: object[] = [];
    const tables = { [SILVER]: "sales/silver.sales_events", [UPDATES]: "sales/gold.revenue_5m_updates" };
    const harvest = harvestOf(tables, warnings);
    const silver = () => alarms.filter(({ key }) => key === `ledger.harvest:${SILVER}`).map(({ failing }) => failing);
    await harvest.round();
    await harvest.round();
    expect(await kept(SILVER)).toEqual([]);
    expect((await kept(UPDATES)).map(({ version }) => version)).toEqual(["1", "2", "3", "4", "5"]);
    expect(warnings, "said once").toMatchObject([{ table: SILVER, msg: "cannot save a table's ledger entries" }]);
    expect(silver()).toEqual([]);
    now = Date.now() + 4 * 60_000;
    await harvest.round();
    expect(silver()).toEqual([true]);
    writeFileSync(broken, whole);
    await harvest.round();
    expect(silver()).toEqual([true, false]);
    expect((await kept(SILVER)).map(({ version }) => version)).toEqual(["1", "2"]);
  });

  it("says which commits were gone before it came", async () => {
    rmSync(lake.log("delta/commits", "00000000000000000000.json"));
    rmSync(lake.log("delta/commits", "00000000000000000001.json"));
    const warnings: object[] = [];
    const harvest = harvestOf({ [SILVER]: "delta/commits" }, warnings);
    await harvest.round();
    expect(warnings).toMatchObject([{ table: SILVER, from: 0, to: 1 }]);
    expect(harvest.harvested("delta/commits")).toBe(11);
  });
});

describe("the ledger", () => {
  it("adds up to what its entries say, up to any version, though each was told twice", async () => {
    await harvestOf({ [UPDATES]: "sales/gold.revenue_5m_updates" }).round();
    await database.query("TRUNCATE harvests");
    await harvestOf({ [UPDATES]: "sales/gold.revenue_5m_updates" }).round();
    const ledger = createLedgerStore(database);
    for (let version = -1; version <= 5; version += 1) {
      const entries = await ledger.entries(1, UPDATES, -1, version);
      const rows = entries.reduce((sum, { entry }) => sum + BigInt(Number(entry.rowsIn)), 0n);
      expect((await ledger.sums(1, UPDATES, version)).rowsIn ?? 0n, `up to version ${version}`).toBe(rows);
    }
  });

  it("adds up the same before and after its old entries are forgotten", async () => {
    const harvest = harvestOf({ [UPDATES]: "sales/gold.revenue_5m_updates" });
    await harvest.round();
    const ledger = createLedgerStore(database);
    const before = await ledger.sums(1, UPDATES, 5);
    expect(before).toEqual({ accepted: 10n, rowsIn: 10n });
    await database.query("UPDATE ledger SET at = now() - interval '40 days'");
    await createEventStore(database).pruneLedger(30);
    expect(
      (await kept(UPDATES)).map(({ version }) => version),
      "the newest says where the job stands",
    ).toEqual(["5"]);
    expect(await ledger.sums(1, UPDATES, 5)).toEqual(before);
    await createEventStore(database).pruneLedger(30);
    expect(await ledger.sums(1, UPDATES, 5)).toEqual(before);
  });

  it("forgets what is old a bounded number at a time, until none is left", async () => {
    const harvest = harvestOf({ [UPDATES]: "sales/gold.revenue_5m_updates" });
    await harvest.round();
    const ledger = createLedgerStore(database);
    const before = await ledger.sums(1, UPDATES, 5);
    await database.query("UPDATE ledger SET at = now() - interval '40 days'");
    const left: number[] = [];
    const watched: Queryable = {
      query: async (text, values) => {
        const rows = await database.query<never>(text, values);
        left.push((await kept(UPDATES)).length);
        return rows;
      },
    };
    await pruneLedger(watched, 30, 2);
    expect(left).toEqual([3, 1, 1]);
    expect(await ledger.sums(1, UPDATES, 5)).toEqual(before);
  });
});
