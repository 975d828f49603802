import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { lakeFiles } from "../../../src/adapters/lake-files.ts";
import { createPublicationStore } from "../../../src/adapters/postgres/publications.ts";
import type { Observation } from "../../../src/services/alerts.ts";
import { batchMetricsFeed } from "../../../src/services/publications/feeds/batch-metrics.ts";
import { deadLettersFeed } from "../../../src/services/publications/feeds/dead-letters.ts";
import type { PublicationStore } from "../../../src/services/publications/ports.ts";
import { Publisher } from "../../../src/services/publications/publisher.ts";
import { createSnapshots } from "../../../src/services/snapshots.ts";
import { openTestDatabase, type TestDatabase } from "../../fixtures/database.ts";
import { type OpenLake, openLake, SALES_TABLES } from "../../fixtures/lake.ts";
import { MemoryTopic } from "../../fixtures/memory-topic.ts";

const AUDIT = { actor: "ada", action: "publication.pause", target: "dead", requestId: null, before: null, after: null };

let opened: TestDatabase;
let store: PublicationStore;
let open: OpenLake;
let topic: MemoryTopic;
let now: number;
let alarms: Observation[];

beforeAll(async () => {
  opened = await openTestDatabase();
  store = createPublicationStore(opened.database);
  open = await openLake();
}, 60_000);

afterAll(async () => {
  open?.close();
  await opened?.close();
});

beforeEach(async () => {
  await opened.database.query("TRUNCATE publications, audit_log");
  topic = new MemoryTopic();
  now = Date.parse("2026-11-21T00:00:00Z");
  alarms = [];
});

function publisher(records = 2, snapshots = open.snapshots): Publisher {
  return new Publisher({
    pipeline: "sales",
    name: "dead",
    topic: "sales.events.dlq.v1",
    feed: deadLettersFeed("silver.sales_events"),
    snapshots,
    link: topic,
    store,
    alerts: { observe: async (seen) => void alarms.push(seen) },
    clock: { now: () => new Date(now) },
    log: pino({ level: "silent" }),
    limits: { records, bytes: 1_000_000 },
  });
}

/** Passes as the loop makes them, failures included, until nothing is to be sent. */
async function settle(of: Publisher): Promise<void> {
  for (let pass = 0; pass < 500; pass += 1) if (!(await of.pass().catch(() => true))) return;
  throw new Error("There is always more to send.");
}

const status = async () => (await store.find("sales", "dead"))?.status;

describe("a publisher", () => {
  it("sends every row once and says how far it is", async () => {
    await settle(publisher());
    expect(new Set(topic.ids()).size).toBe(5);
    expect(topic.ids()).toHaveLength(5);
    expect(await status()).toMatchObject({ published: 5n, waiting: 0n, unaccounted: 0n, error: null, generation: 1 });
  });

  it("says how it is in each term of publishing: another one may have alarmed since", async () => {
    const one = publisher(5);
    for (const term of [1, 2]) {
      one.start();
      await expect.poll(() => alarms.map(({ failing }) => failing)).toEqual(Array(term).fill(false));
      await one.stop();
    }
  });

  it("neither loses nor doubles a row, wherever a transaction is cut off and whoever goes on", async () => {
    topic.cuts = ["aborted", "unheard", "aborted", "aborted", "unheard"];
    await settle(publisher());
    await settle(publisher());
    expect(topic.ids()).toHaveLength(5);
    expect(new Set(topic.ids()).size).toBe(5);
    expect((await status())?.unaccounted).toBe(0n);
  });

  it("cannot send any more once another one has taken over", async () => {
    const old = publisher();
    await old.pass();
    await settle(publisher());
    // It has remembered where it stood, and would send the same rows again.
    await expect(old.pass()).rejects.toThrow("fenced");
    expect(topic.ids()).toHaveLength(5);
  });

  it("sends nothing while it is paused, and the rest afterwards", async () => {
    const one = publisher();
    await one.pass();
    await store.setPaused("sales", "dead", true, AUDIT);
    await settle(one);
    expect(topic.ids()).toHaveLength(2);
    expect(await status()).toMatchObject({ published: 2n, waiting: 3n });
    await store.setPaused("sales", "dead", false, { ...AUDIT, action: "publication.resume" });
    await settle(one);
    expect(topic.ids()).toHaveLength(5);
  });

  it("fills a topic that was made anew from the beginning, a crash in between included", async () => {
    await settle(publisher());
    topic.recreate();
    topic.cuts = ["aborted"];
    await expect(publisher().pass()).rejects.toThrow("before the commit");
    await settle(publisher());
    expect(topic.ids()).toHaveLength(5);
  });

  it("goes on from what was last seen when Kafka has forgotten where it stood", async () => {
    await settle(publisher());
    topic.saved = null;
    await settle(publisher(5));
    expect(topic.ids()).toHaveLength(5);
    expect(await status()).toMatchObject({ published: 5n, unaccounted: 0n });
  });

  it("sends all rows of a generation that becomes live, and of the one before once that is live again", async () => {
    let generation = 1;
    const paths = { "silver.sales_events": open.lake.path(SALES_TABLES["silver.sales_events"]) };
    const live = async () => ({ generation, paths });
    const one = publisher(2, createSnapshots({ generations: { live }, log: lakeFiles(), engine: open.engine }));
    await settle(one);
    generation = 2;
    topic.cuts = ["unheard"];
    await settle(one);
    expect(await status()).toMatchObject({ generation: 2, published: 5n, unaccounted: 0n });
    generation = 1;
    await settle(one);
    const generations = topic.records.map(({ headers }) =>
      Buffer.from(headers.find(({ key }) => key === "penstock.generation")?.value ?? []).toString(),
    );
    expect(generations.join("")).toBe("111112222211111");
    expect(topic.saved?.total).toBe(15n);
  });

  it("loses and doubles nothing of a generation however often the sides are exchanged, also in the middle", async () => {
    let generation = 1;
    const { paths } = await open.generations.live();
    const live = async () => ({ generation, paths });
    const one = publisher(2, createSnapshots({ generations: { live }, log: lakeFiles(), engine: open.engine }));
    await one.pass();
    const exchanges = [
      { to: 2, passes: 2 },
      { to: 1, passes: 1 },
      // Nobody looks at it meanwhile: what was begun of the other one goes on.
      { to: 2, passes: 0 },
      { to: 1, passes: 9 },
      { to: 2, passes: 9 },
    ];
    for (const { to, passes } of exchanges) {
      generation = to;
      for (let pass = 0; pass < passes; pass += 1) await one.pass();
      expect((await status())?.unaccounted).toBe(0n);
    }
    const sent = topic.records.map(({ headers }) =>
      Buffer.from(headers.find(({ key }) => key === "penstock.generation")?.value ?? []).toString(),
    );
    expect(sent.join("")).toBe("1122221111122222");
    for (const whole of [topic.ids().slice(6, 11), topic.ids().slice(11)]) expect(new Set(whole).size).toBe(5);
  });

  it("notices that its topic is gone while it has nothing to send, and that it is back", async () => {
    const one = publisher();
    await settle(one);
    topic.exists = false;
    now += 11_000;
    await expect(one.pass()).rejects.toThrow("does not exist");
    topic.exists = true;
    topic.recreate();
    await settle(one);
    expect(topic.ids()).toHaveLength(5);
  });

  it("counts anew what it has sent, and alarms when a row is missing", async () => {
    await settle(publisher());
    if (topic.saved !== null) topic.saved = { ...topic.saved, published: 4n };
    await settle(publisher());
    expect((await status())?.unaccounted).toBe(1n);
    expect(alarms.at(-1)).toMatchObject({ key: "publication:dead", severity: "critical", failing: true });
    expect(alarms.at(-1)?.detail).toContain("1 rows of silver.sales_events were never sent");
  });

  it("says what it waits for, alarms when that lasts, and says when it is over", async () => {
    topic.away = new Error("Kafka does not take records");
    const one = publisher();
    one.start();
    await expect.poll(async () => (await status())?.error).toBe("Kafka does not take records");
    expect(alarms.filter(({ failing }) => failing)).toEqual([]);
    now += 61_000;
    await expect.poll(() => alarms.at(-1)?.failing).toBe(true);
    expect(alarms.at(-1)).toMatchObject({ severity: "warning", subjects: ["dead"] });
    topic.away = null;
    await expect.poll(() => topic.ids().length, { timeout: 10_000 }).toBe(5);
    await expect.poll(() => alarms.at(-1)?.failing).toBe(false);
    expect((await status())?.error).toBeNull();
    await one.stop();
  });

  it("waits for a table that does not exist yet", async () => {
    const missing = batchMetricsFeed("dq.revenue_5m.metrics");
    const lake = await openLake({ "dq.revenue_5m.metrics": "sales/nothing-here" });
    const parts = { ...missing, table: "dq.revenue_5m.metrics" };
    const one = new Publisher({
      pipeline: "sales",
      name: "dead",
      topic: "dq.results.v1",
      feed: parts,
      snapshots: lake.snapshots,
      link: topic,
      store,
      alerts: { observe: async () => undefined },
      clock: { now: () => new Date(now) },
      log: pino({ level: "silent" }),
    });
    expect(await one.pass()).toBe(false);
    expect(await status()).toMatchObject({ published: 0n, waiting: 0n, error: null });
    lake.close();
  });
});
