import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createCatalogStore } from "../../../src/adapters/postgres/catalog.ts";
import { insertDedicated } from "../../../src/adapters/postgres/declare.ts";
import { createLaunchStore } from "../../../src/adapters/postgres/launches.ts";
import { startGenerations, type TestGenerations, type TestPipeline } from "../../fixtures/generations.ts";

let world: TestGenerations;

beforeAll(async () => {
  world = await startGenerations();
}, 60_000);

afterAll(async () => {
  await world?.stop();
});

const rows = async (pipeline: TestPipeline) => {
  const found = await world.database.query<{ id: string; desired: string; epoch: number; isRetired: boolean }>(
    `SELECT id, desired, epoch, retired_at IS NOT NULL AS "isRetired" FROM jobs WHERE pipeline = $1`,
    [pipeline.name],
  );
  return new Map(found.map((row) => [row.id, row]));
};

/** Of each shadow that works its id, the application that it is in, and the one that its spec names. */
const placesOf = async ({ name }: TestPipeline) => {
  const found = await world.database.query<{ id: string; application: string; named: string }>(
    `SELECT id, application, spec->>'application' AS named FROM jobs
     WHERE pipeline = $1 AND shadow_of IS NOT NULL AND retired_at IS NULL ORDER BY id`,
    [name],
  );
  return found.map(({ id, application, named }) => [id, application, named]);
};

const SIZES = { cores: 1, driverMemory: "600m", executorMemory: "600m", shufflePartitions: 2, settings: {} };

const sizesOf = async (application: string) =>
  (await createCatalogStore(world.database).applications()).find(({ name }) => name === application)?.spec;

const states = async ({ name }: TestPipeline) =>
  Object.fromEntries((await world.store.list(name)).map(({ number, state }) => [number, state]));

describe("a new generation", () => {
  it("has tables of its own for the jobs that are replayed and shares all others", async () => {
    const p = await world.pipeline("fresh");
    const created = await world.store.create(
      p.wish(2, { specs: { "fresh.silver": { limits: { maxFilesPerTrigger: 4 } } } }),
    );
    expect(created).toMatchObject({ number: 2, parent: 1, state: "shadow", promotedAt: null, held: null });
    expect(created.tables).toMatchObject({
      "bronze.fresh_events": "gen=1/bronze.fresh_events",
      "silver.fresh_events": "gen=2/silver.fresh_events",
      "gold.revenue_5m": "gen=2/gold.revenue_5m",
      "dq.revenue_5m.metrics": "gen=2/dq/revenue_5m/metrics",
    });
    expect(
      created.shadows.map(({ id, job, generation, desired, hasOpenRun }) => [id, job, generation, desired, hasOpenRun]),
    ).toEqual([
      ["fresh.dq@2", "fresh.dq", 2, "stopped", false],
      ["fresh.gold@2", "fresh.gold", 2, "stopped", false],
      ["fresh.silver@2", "fresh.silver", 2, "stopped", false],
    ]);
    const [silver] = await world.database.query<{ limits: object }>(
      "SELECT spec->'limits' AS limits FROM jobs WHERE id = 'fresh.silver@2'",
    );
    expect(silver?.limits).toEqual({ maxFilesPerTrigger: 4 });
  });

  it("has shadows in applications of their own beside those of the jobs, where that is asked for", async () => {
    const p = await world.pipeline("apart");
    const own = { application: "dedicated", limits: { maxFilesPerTrigger: 4 } };
    // Gold has an application of its own, into which its shadow goes without a word of it.
    await world.database.query("UPDATE applications SET spec = spec || '{\"cores\": 4}' WHERE name = 'apart'");
    await insertDedicated(world.database, "apart.gold", "apart", { ...SIZES, cores: 3 });
    await world.database.query(
      `UPDATE jobs SET application = id, spec = spec || '{"application": "dedicated"}' WHERE id = 'apart.gold'`,
    );
    await world.store.create(p.wish(2, { specs: { "apart.silver": own } }));
    expect(await placesOf(p)).toEqual([
      ["apart.dq@2", "apart", "apart"],
      ["apart.gold@2", "apart.gold", "apart.gold"],
      ["apart.silver@2", "apart.silver@2", "dedicated"],
    ]);
    expect(await sizesOf("apart.silver@2")).toMatchObject({ cores: 1, driverMemory: "600m" });
    await world.store.retire(p.name, 2, null);
    await world.store.create(p.wish(3, { parent: 1, replay: randomUUID(), specs: { "apart.gold": own } }));
    expect(await sizesOf("apart.gold@3"), "those of the job's own").toEqual({ ...SIZES, cores: 3 });
  });

  it("lets the application of a shadow go when its driver has ended and the shadow is not in it any more", async () => {
    const p = await world.pipeline("leaving");
    const catalog = createCatalogStore(world.database);
    const launches = createLaunchStore(world.database);
    const names = async (past = false) =>
      (await catalog.applications(past)).map(({ name }) => name).filter((name) => name.startsWith("leaving"));
    const launch = randomUUID();
    await world.store.create(p.wish(2, { specs: { "leaving.gold": { application: "dedicated" } } }));
    expect(await names()).toEqual(["leaving", "leaving.gold@2"]);
    await launches.record(launch, "leaving.gold@2");
    await world.store.retire(p.name, 2, new Date("2030-01-01T00:00:00Z"));
    expect(await names()).toEqual(["leaving", "leaving.gold@2"]);
    await launches.end(launch, "its runner has ended", false);
    expect(await names()).toEqual(["leaving"]);
    expect(await names(true)).toEqual(["leaving", "leaving.gold@2"]);
    await world.store.reopen(p.name, 2);
    expect((await placesOf(p))[1], "it catches up where its job is").toEqual(["leaving.gold@2", "leaving", "leaving"]);
    expect(await names()).toEqual(["leaving"]);
  });

  it("keeps where it begins, and from where it has what lies before", async () => {
    const p = await world.pipeline("middle");
    const middle = { start: { "0": "17" }, inherits: "gen=1/silver.sales_events" };
    expect(await world.store.create(p.wish(2, middle))).toMatchObject(middle);
    expect(await world.store.find(p.name, 2)).toMatchObject(middle);
    expect(await world.store.find(p.name, 1)).toMatchObject({ start: null, inherits: null });
  });

  it("is made once, however often its replay asks for it", async () => {
    const p = await world.pipeline("repeated");
    expect(await world.store.nextNumber(p.name)).toBe(2);
    const [first, second] = await Promise.all([world.store.create(p.wish(2)), world.store.create(p.wish(2))]);
    expect(second).toEqual(first);
    expect(await states(p)).toEqual({ 1: "live", 2: "shadow" });
  });

  it("is refused with another number, another parent, or beside another shadow", async () => {
    const p = await world.pipeline("refused");
    await expect(world.store.create(p.wish(3))).rejects.toThrow("The next generation is 2, not 3.");
    await expect(world.store.create(p.wish(2, { parent: 7 }))).rejects.toThrow("Generation 1 is live, not 7.");
    await world.store.create(p.wish(2));
    await expect(world.store.create(p.wish(2, { replay: randomUUID() }))).rejects.toThrow("The next generation is 3");
    await expect(world.store.create(p.wish(3, { parent: 1 }))).rejects.toThrow("Generation 2 is a shadow already");
    expect(await states(p)).toEqual({ 1: "live", 2: "shadow" });
  });
});

describe("what is wanted of shadows", () => {
  it("is asked of all of them, or of all the jobs that they are to replace", async () => {
    const p = await world.pipeline("wanted");
    await world.store.create(p.wish(2, { jobs: ["wanted.gold"] }));
    await world.store.setShadows(p.name, 2, "running");
    await world.store.setReplaced(p.name, 2, "stopped", { mode: "now", timeoutMs: 5_000 });
    const desired = [...(await rows(p)).values()].map((row) => [row.id, row.desired]).sort();
    expect(desired).toEqual([
      ["wanted.bronze", "running"],
      ["wanted.dq", "running"],
      ["wanted.gold", "stopped"],
      ["wanted.gold@2", "running"],
      ["wanted.silver", "running"],
    ]);
  });

  it("leaves one that is wanted so already as it is: its failures go on to count", async () => {
    const p = await world.pipeline("steady");
    await world.store.create(p.wish(2));
    await world.store.setShadows(p.name, 2, "running");
    const since = () =>
      world.database.query("SELECT id, desired_since FROM jobs WHERE pipeline = 'steady' ORDER BY id");
    const before = await since();
    await world.store.setShadows(p.name, 2, "running");
    expect(await since()).toEqual(before);
  });

  it("is kept with the reason for which they are held", async () => {
    const p = await world.pipeline("held");
    await world.store.create(p.wish(2));
    await world.store.hold(p.name, 2, "live lag is 40 s");
    expect((await world.store.find(p.name, 2))?.held).toBe("live lag is 40 s");
    await world.store.hold(p.name, 2, null);
    expect((await world.store.find(p.name, 2))?.held).toBeNull();
  });
});

describe("a promotion", () => {
  it("is refused while a run of a shadow or of a job to be replaced is open, and changes nothing", async () => {
    const p = await world.pipeline("busy");
    await world.store.create(p.wish(2));
    await p.run("busy.gold");
    await p.run("busy.silver@2");
    await p.run("busy.bronze");
    const refused = world.store.promote(p.name, 2, p.promotion());
    await expect(refused).rejects.toThrow("Not all of its jobs have ended: run 1 of busy.gold, run 1 of busy.silver@2");
    expect(await states(p)).toEqual({ 1: "live", 2: "shadow" });
    await p.end("busy.gold");
    await p.end("busy.silver@2");
    await world.store.promote(p.name, 2, p.promotion());
    expect(await states(p)).toEqual({ 1: "kept", 2: "live" });
  });

  it("lets the jobs go on above the epochs of both, retires the shadows and says when", async () => {
    const p = await world.pipeline("swapped");
    for (const job of ["swapped.silver", "swapped.silver", "swapped.gold"]) {
      await p.run(job);
      await p.end(job);
    }
    await world.store.create(p.wish(2));
    await p.run("swapped.gold@2");
    await p.end("swapped.gold@2");
    await world.store.setReplaced(p.name, 2, "stopped");
    await world.store.promote(p.name, 2, p.promotion({ start: ["swapped.silver", "swapped.dq"] }));
    const after = await rows(p);
    expect(after.get("swapped.silver")).toMatchObject({ epoch: 2, desired: "running" });
    expect(after.get("swapped.gold")).toMatchObject({ epoch: 2, desired: "stopped" });
    expect(after.get("swapped.gold@2")).toMatchObject({ epoch: 2, desired: "stopped", isRetired: true });
    const [live, before] = await world.store.list(p.name);
    expect(live).toMatchObject({
      number: 2,
      state: "live",
      promotedAt: expect.any(Date),
      keptUntil: null,
      shadows: [],
    });
    expect(before).toMatchObject({ number: 1, state: "kept", keptUntil: new Date("2030-01-01T00:00:00Z") });
    const audit = await world.database.query("SELECT actor, action FROM audit_log WHERE target = 'swapped'");
    expect(audit).toEqual([{ actor: "ana", action: "generation.promote" }]);
  });

  it("is made once, however often it is asked for", async () => {
    const p = await world.pipeline("once");
    await world.store.create(p.wish(2));
    await Promise.all([1, 2, 3].map(() => world.store.promote(p.name, 2, p.promotion())));
    const terms = await world.database.query(
      "SELECT generation FROM generation_terms WHERE pipeline = 'once' ORDER BY since",
    );
    expect(terms).toEqual([{ generation: 1 }, { generation: 2 }]);
    const audit = await world.database.query("SELECT 1 FROM audit_log WHERE target = 'once'");
    expect(audit).toHaveLength(1);
  });

  it("of a generation that never was is a 404, and of one that is not ready a 409", async () => {
    const p = await world.pipeline("unknown");
    await expect(world.store.promote(p.name, 9, p.promotion())).rejects.toMatchObject({
      details: { code: "unknown_generation", next: "There are: 1." },
    });
    await world.store.create(p.wish(2));
    await world.store.promote(p.name, 2, p.promotion());
    await expect(world.store.promote(p.name, 1, p.promotion())).rejects.toThrow("Generation 1 is kept");
  });
});

describe("a generation that is kept", () => {
  it("becomes live again through shadows of its own, with epochs above all before", async () => {
    const p = await world.pipeline("back");
    await world.store.create(p.wish(2));
    await world.store.promote(p.name, 2, p.promotion());
    await p.run("back.silver");
    await p.end("back.silver");
    await world.store.reopen(p.name, 1);
    await world.store.reopen(p.name, 1);
    const reopened = await world.store.find(p.name, 1);
    expect(reopened?.state).toBe("shadow");
    expect(reopened?.shadows.map(({ id, epoch, generation }) => [id, epoch, generation])).toEqual([
      ["back.dq@1", 0, 1],
      ["back.gold@1", 0, 1],
      ["back.silver@1", 1, 1],
    ]);
    expect(await p.run("back.silver@1")).toBe(2);
    await p.end("back.silver@1");
    await world.store.promote(p.name, 1, p.promotion());
    expect((await rows(p)).get("back.silver")?.epoch).toBe(2);
    // And forth once more: the shadows of the first time come back.
    await world.store.reopen(p.name, 2);
    expect((await world.store.find(p.name, 2))?.shadows.map(({ id, epoch }) => [id, epoch])).toEqual([
      ["back.dq@2", 0],
      ["back.gold@2", 0],
      ["back.silver@2", 2],
    ]);
    await world.store.promote(p.name, 2, p.promotion());
    expect(await states(p)).toEqual({ 1: "kept", 2: "live" });
  });

  it("has shadows of those jobs alone that differ, each of the generation of its tables", async () => {
    const p = await world.pipeline("chain");
    await world.store.create(p.wish(2, { jobs: ["chain.gold"] }));
    await world.store.promote(p.name, 2, p.promotion());
    await world.store.create(p.wish(3));
    await world.store.promote(p.name, 3, p.promotion());
    await world.store.reopen(p.name, 2);
    expect((await world.store.find(p.name, 2))?.shadows.map(({ id, generation }) => [id, generation])).toEqual([
      ["chain.dq@1", 1],
      ["chain.gold@2", 2],
      ["chain.silver@1", 1],
    ]);
  });

  it("goes back to being kept where it does not become live after all", async () => {
    const p = await world.pipeline("stays");
    await world.store.create(p.wish(2));
    await world.store.promote(p.name, 2, p.promotion());
    await world.store.reopen(p.name, 1);
    await world.store.retire(p.name, 1, new Date("2031-01-01T00:00:00Z"));
    expect(await world.store.find(p.name, 1)).toMatchObject({ state: "kept", shadows: [] });
  });
});

describe("a generation that is given up", () => {
  it("ends once its runs have, and leaves nothing but what no other one has", async () => {
    const p = await world.pipeline("given");
    await world.store.create(p.wish(2, { jobs: ["given.gold"] }));
    await p.run("given.gold@2");
    await expect(world.store.retire(p.name, 2, null)).rejects.toThrow("run 1 of given.gold@2 is open");
    await p.end("given.gold@2");
    await world.store.retire(p.name, 2, null);
    expect(await world.store.discard(p.name, new Date())).toEqual([2]);
    expect(await world.store.leftovers(p.name, 2)).toEqual({
      tables: ["gen=2/gold.revenue_5m", "gen=2/gold.revenue_5m_updates"],
      checkpoints: ["gen=2/given.gold"],
    });
    await world.store.collected(p.name, 2);
    expect(await world.store.find(p.name, 2)).toMatchObject({ state: "collected", collectedAt: expect.any(Date) });
    expect(await world.store.discard(p.name, new Date())).toEqual([]);
    expect(await world.store.nextNumber(p.name)).toBe(3);
  });

  it("is every one that is kept, once its time is over", async () => {
    const p = await world.pipeline("timed");
    await world.store.create(p.wish(2));
    await world.store.promote(p.name, 2, p.promotion());
    expect(await world.store.discard(p.name, new Date("2029-12-31T23:59:59Z"))).toEqual([]);
    expect(await world.store.discard(p.name, new Date("2030-01-01T00:00:00Z"))).toEqual([1]);
    await expect(world.store.reopen(p.name, 1)).rejects.toThrow("Generation 1 is discarded: nothing of it is kept.");
    const { tables, checkpoints } = await world.store.leftovers(p.name, 1);
    expect(tables).not.toContain("gen=1/bronze.timed_events");
    expect(checkpoints).toEqual(["gen=1/timed.dq", "gen=1/timed.gold", "gen=1/timed.silver"]);
  });

  it("is never the live one", async () => {
    const p = await world.pipeline("alive");
    await expect(world.store.retire(p.name, 1, null)).rejects.toThrow("Generation 1 is live.");
    await expect(world.store.leftovers(p.name, 1)).rejects.toThrow("Generation 1 is live.");
  });
});
