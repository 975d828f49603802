import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createEventStore } from "../../../src/adapters/postgres/events.ts";
import { createJournal } from "../../../src/adapters/postgres/journal.ts";
import { createLedgerStore } from "../../../src/adapters/postgres/ledger.ts";
import { createRunStore } from "../../../src/adapters/postgres/runs.ts";
import { startGenerations, type TestGenerations, type TestPipeline } from "../../fixtures/generations.ts";

let world: TestGenerations;

beforeAll(async () => {
  world = await startGenerations();
}, 60_000);

afterAll(async () => {
  await world?.stop();
});

const at = "2026-11-24T00:00:00Z";

interface Batch {
  generation: number;
  epoch: number;
  batch: number;
}

const entryOf = (p: TestPipeline, { generation, epoch, batch }: Batch) => ({
  ...{ penstock: 1, kind: "batch", job: p.job("gold"), generation, epoch, batch, rowsIn: 10, rows: { accepted: 10 } },
});

/** A batch as a runner tells of it: it knows the job's own name and the generation. */
function told(p: TestPipeline, batch: Batch) {
  const [job, { generation, epoch }] = [p.job("gold"), batch];
  const data = { ...entryOf(p, batch), table: "gold.revenue_5m_updates", version: 100 * generation + batch.batch };
  return [
    { sequence: 2 * batch.batch + 1, type: "batch", job, generation, epoch, at, data },
    { sequence: 2 * batch.batch + 2, type: "progress", job, generation, epoch, at, data: { batchId: batch.batch } },
  ];
}

const counted = async (job: string, epoch: number) => (await createRunStore(world.database).find(job, epoch))?.batches;

describe("what a runner reports of a shadow job", () => {
  it("counts for the shadow and not for the job, also where both have a run of the same epoch", async () => {
    const p = await world.pipeline("apart");
    await world.store.create(p.wish(2));
    const [own, shadow] = [await p.run("apart.gold"), await p.run("apart.gold@2")];
    expect([own, shadow]).toEqual([1, 1]);
    const store = createEventStore(world.database);
    const before = await createJournal(world.database).newest();
    const { fresh } = await store.save(p.launch, told(p, { generation: 2, epoch: shadow, batch: 0 }));
    expect(fresh.map(({ about }) => about)).toEqual(["apart.gold@2", "apart.gold@2"]);
    await store.save(p.launch, told(p, { generation: 1, epoch: own, batch: 1 }));
    expect([await counted("apart.gold", 1), await counted("apart.gold@2", 1)]).toEqual(["1", "1"]);
    expect((await store.newestProgress("apart.gold"))?.data.batchId).toBe(1);
    expect((await store.newestProgress("apart.gold@2"))?.data.batchId).toBe(0);
    const { events } = await createJournal(world.database).after(before, { types: [], subjects: [] }, 10);
    expect(events.map(({ type, subjects }) => [type, ...subjects])).toEqual([
      ["batch.committed", "apart.gold@2"],
      ["batch.committed", "apart.gold"],
    ]);
  });

  it("is found in the ledger by the job's own name and the generation, so that the job goes on there", async () => {
    const p = await world.pipeline("named");
    await world.store.create(p.wish(2));
    const epoch = await p.run("named.gold@2");
    const store = createEventStore(world.database);
    await store.save(p.launch, told(p, { generation: 2, epoch, batch: 4 }));
    expect(await store.newestEntry("named.gold", 2, "gold.revenue_5m_updates", "batch")).toMatchObject({ batch: "4" });
    expect(await store.newestEntry("named.gold", 1, "gold.revenue_5m_updates", "batch")).toBeNull();
  });

  it("counts for its run when it is heard of only after the promotion, by a runner or in the table's log", async () => {
    const p = await world.pipeline("late");
    await world.store.create(p.wish(2));
    const epoch = await p.run("late.gold@2");
    await p.end("late.gold@2");
    await world.store.promote(p.name, 2, p.promotion());
    await createEventStore(world.database).save(p.launch, told(p, { generation: 2, epoch, batch: 5 }));
    await createLedgerStore(world.database).harvest(
      { path: "gen=2/gold.revenue_5m_updates", table: "gold.revenue_5m_updates" },
      206,
      [{ version: 206, at: new Date(at), entry: entryOf(p, { generation: 2, epoch, batch: 6 }) }],
    );
    expect(await counted("late.gold@2", epoch)).toBe("2");
    const runs = createRunStore(world.database);
    expect((await runs.findOf("late.gold", 2, epoch))?.job, "whose commits the live table has").toBe("late.gold@2");
    expect(await runs.findOf("late.gold", 1, epoch)).toBeNull();
  });
});

describe("a run", () => {
  it("is not opened for a generation that was live when that was decided, and is no more", async () => {
    const p = await world.pipeline("stale");
    await world.store.create(p.wish(2));
    const runs = createRunStore(world.database);
    const [promoted, opened] = await Promise.allSettled([
      world.store.promote(p.name, 2, p.promotion()),
      runs.start("stale.gold", 1, p.launch, 1),
    ]);
    const isOpened = opened.status === "fulfilled" && opened.value !== null;
    expect([promoted.status === "fulfilled", isOpened].filter(Boolean), "one of them, whichever came first").toEqual([
      true,
    ]);
    await p.end("stale.gold");
    await world.store.promote(p.name, 2, p.promotion());
    expect(await runs.start("stale.gold", 1, p.launch, 1)).toBeNull();
    expect(await runs.start("stale.gold", 2, p.launch, 2)).toMatchObject({ generation: 2 });
  });

  it("is not opened for a shadow that has retired", async () => {
    const p = await world.pipeline("retired");
    await world.store.create(p.wish(2));
    await world.store.promote(p.name, 2, p.promotion());
    expect(await createRunStore(world.database).start("retired.gold@2", 2, p.launch, 2)).toBeNull();
  });
});
