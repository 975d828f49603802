import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Database } from "../../src/adapters/postgres/database.ts";
import { createOverrideStore } from "../../src/adapters/postgres/overrides.ts";
import { createOutcomes } from "../../src/services/outcomes.ts";
import { createQuarantine, type Quarantine, type QuarantineRequest } from "../../src/services/quarantine.ts";
import type { Snapshots } from "../../src/services/snapshots.ts";
import { openAuditedLake } from "../fixtures/audited-lake.ts";
import { startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";
import { expected, type OpenLake, openLake, SALES_TABLES } from "../fixtures/lake.ts";

let open: OpenLake;
let older: OpenLake;
let quarantine: Quarantine;
let running: TestControlPlane;
let database: Database;

const TOPIC = "sales.events.v1";
const SILVER = "silver.sales_events";
const AUDITED = { "silver.sales_events": "silver.sales_events", "bronze.sales_events": "bronze.sales_events" };

beforeAll(async () => {
  open = await openLake(AUDITED, "audited-lake.tar.gz");
  older = await openLake(SALES_TABLES);
  running = await startControlPlane();
  database = running.database;
  quarantine = quarantineOf(open.snapshots);
}, 60_000);

afterAll(async () => {
  open.close();
  older.close();
  await running?.stop();
});

const quarantineOf = (snapshots: Snapshots) =>
  createQuarantine({ snapshots, decisions: createOverrideStore(database) });
const decide = (place: { topic: string; partition: number; offset: string; outcome: string }) => {
  const wish = { ...place, pipeline: "sales", reason: "a test", fields: {}, createdBy: "me" };
  const audit = { actor: "me", action: "override.create", target: "t", requestId: null, before: null, after: null };
  return createOverrideStore(database).insert(wish, () => audit);
};
const list = (request: Partial<QuarantineRequest> = {}) => quarantine.list({ limit: 100, ...request });
const places = async (request: Partial<QuarantineRequest>) =>
  (await list(request)).items.map(({ partition, offset }) => `${partition}/${offset}`);

describe("the quarantine", () => {
  it("holds every record but the accepted ones, in the order in which they were appended", async () => {
    const { items } = await list();
    const { items: outcomes, records } = await createOutcomes({ snapshots: open.snapshots }).outcomes();
    const accepted = Number(outcomes.find(({ outcome }) => outcome === "accepted")?.records);
    expect(items).toHaveLength(Number(records) - accepted);
    const times = items.map(({ kafka_timestamp }) => Date.parse(kafka_timestamp));
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it("reads accepted rows only where they say something of a page", async () => {
    const damaged = await openLake(AUDITED, "audited-lake.tar.gz");
    rmSync(join(damaged.lake.path("silver.sales_events"), "outcome=accepted"), { recursive: true });
    const of = quarantineOf(damaged.snapshots);
    const { items } = await of.list({ outcome: "late", limit: 100 });
    expect(items).toEqual((await list({ outcome: "late" })).items);
    await expect(of.list({ outcome: "duplicate", limit: 100 })).rejects.toThrow();
    damaged.close();
  });

  it("pages without a gap or a repetition", async () => {
    const whole = (await list()).items;
    const paged = [];
    let cursor: string | undefined;
    do {
      const page = await list({ limit: 7, cursor });
      paged.push(...page.items);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(paged).toEqual(whole);
  });

  it("tells a plain copy from another event under the same id, and which record each repeats", async () => {
    const { items } = await list({ outcome: "duplicate", to: "2026-01-01T00:00:26Z" });
    // The first record of the first batch came once more; the fifth had the id of the fourth, half a second later.
    expect(items).toMatchObject([
      { partition: 1, offset: "1", event_id: "e-3", repeats: { partition: 0, offset: "1" }, conflict: true },
      { partition: 0, offset: "3", event_id: "e-0", repeats: { partition: 0, offset: "0" }, conflict: false },
    ]);
    const { conflicts } = await createOutcomes({ snapshots: open.snapshots }).outcomes();
    expect(conflicts).toBe("6");
  });

  it("shows what came, as far as it can be read", async () => {
    const [invalid] = (await list({ reason: "INVALID_DOMAIN", limit: 1 })).items;
    expect(invalid).toMatchObject({
      outcome: "invalid",
      reasons: ["BAD_AMOUNT", "INVALID_DOMAIN"],
      decoded: { event_id: "e-7", currency: "XXX", amount: -1 },
      repeats: null,
      conflict: null,
      override: null,
    });
    expect(invalid?.value?.length).toBeGreaterThan(50);
    const [garbage] = (await list({ reason: "BAD_AVRO", limit: 1 })).items;
    expect(garbage).toMatchObject({
      decoded: null,
      event_id: null,
      value: { base64: Buffer.from("no event").toString("base64"), text: "no event", length: 8 },
    });
    const [nothing] = (await list({ reason: "NULL_VALUE", limit: 1 })).items;
    expect(nothing?.value).toBeNull();
  });

  it("is filtered by every column that it can be", async () => {
    expect(await places({ outcome: "late", partition: 0, from_offset: "2", to_offset: "10" })).toEqual(["0/2", "0/6"]);
    expect(await places({ event_id: "e-3" })).toEqual(["1/1"]);
    expect(await places({ topic: "another" })).toEqual([]);
    expect(await places({ from: "2026-01-01T00:00:25.5Z", to: "2026-01-01T00:00:34.1Z" })).toEqual(["1/5"]);
    expect(await places({ outcome: "future", event_id: "e-3" })).toEqual([]);
  });

  it("answers one record whole, and says what is there when it is none of its own", async () => {
    const [late] = (await list({ outcome: "late", limit: 1 })).items;
    const place = { topic: TOPIC, partition: late?.partition ?? 0, offset: late?.offset ?? "" };
    expect(await quarantine.find(place)).toMatchObject({ ...late });
    await expect(quarantine.find({ topic: TOPIC, partition: 0, offset: "0" })).rejects.toMatchObject({
      details: { code: "unknown_record", detail: `The record at partition 0, offset 0 of ${TOPIC} was accepted.` },
    });
    await expect(quarantine.find({ topic: TOPIC, partition: 9, offset: "0" })).rejects.toMatchObject({
      details: { status: 404, detail: expect.stringContaining("Silver has no record") },
    });
  });

  it("reads tables that do not have the newer columns yet", async () => {
    const { items } = await quarantineOf(older.snapshots).list({ limit: 100 });
    const silver = expected("sales/silver.sales_events").rows;
    expect(items).toHaveLength(silver.filter(({ outcome }) => outcome !== "accepted").length);
    expect(items[0]).toMatchObject({ key: null, headers: null, extra: null, override: null });
    expect(items.map(({ offset }) => offset)).toContain("9007199254740995");
  });

  it("tells what people have decided, before a job has applied it and where one refused it", async () => {
    const [late, other] = (await list({ outcome: "late", limit: 2 })).items;
    if (late === undefined || other === undefined) throw new Error("no record was late");
    const { topic, partition, offset, outcome } = late;
    const made = await decide({ topic, partition, offset, outcome });
    const states = async () => (await list({ outcome: "late", limit: 2 })).items.map(({ override }) => override);
    expect(await states()).toEqual([{ number: made?.number, state: "pending" }, null]);
    await database.query("UPDATE overrides SET state = 'refused'");
    expect(await states()).toEqual([{ number: made?.number, state: "refused" }, null]);
    expect((await quarantine.find({ topic, partition, offset })).override?.state).toBe("refused");
  });

  it("tells which records were let in by what silver holds, before anybody has heard of it", async () => {
    const lake = await openAuditedLake(database);
    const file = lake.filesOf("silver.sales_events", 2).find((name) => name.startsWith("outcome=future/")) ?? "";
    await lake.letIn(file, 4);
    const [row] = await lake.snapshots.read([SILVER], (set) =>
      set.query(
        `SELECT topic, partition, "offset"::VARCHAR AS "offset" FROM ${set.relation(SILVER, ["topic", "partition", "offset", "override"])} WHERE override = 4`,
      ),
    );
    await decide({
      topic: String(row?.topic),
      partition: Number(row?.partition),
      offset: String(row?.offset),
      outcome: "future",
    });
    const { items } = await quarantineOf(lake.snapshots).list({ outcome: "future", limit: 100 });
    lake.close();
    expect(items.flatMap(({ override }) => override ?? [])).toEqual([{ number: 4, state: "applied" }]);
  });

  it("is empty while silver does not exist", async () => {
    const none = await openLake({ "silver.sales_events": "none" });
    const empty = quarantineOf(none.snapshots);
    expect(await empty.list({ limit: 10 })).toMatchObject({ items: [], nextCursor: null });
    await expect(empty.find({ topic: TOPIC, partition: 0, offset: "0" })).rejects.toMatchObject({
      details: { code: "unknown_record" },
    });
    none.close();
  });

  it("names what is wrong with a range or a cursor", async () => {
    await expect(list({ from: "soon" })).rejects.toMatchObject({ details: { errors: [{ field: "from" }] } });
    await expect(list({ cursor: "soon" })).rejects.toMatchObject({ details: { errors: [{ field: "cursor" }] } });
  });
});
