import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createCommitStore } from "../../../src/adapters/postgres/commits.ts";
import type { Database } from "../../../src/adapters/postgres/database.ts";
import { createEventStore } from "../../../src/adapters/postgres/events.ts";
import { createJournal } from "../../../src/adapters/postgres/journal.ts";
import { createLaunchStore } from "../../../src/adapters/postgres/launches.ts";
import { createRunStore } from "../../../src/adapters/postgres/runs.ts";
import type { RunnerEvent } from "../../../src/domain/sync.ts";
import { startControlPlane, type TestControlPlane } from "../../fixtures/control-plane.ts";

let running: TestControlPlane;
let database: Database;
let launch: string;

beforeAll(async () => {
  running = await startControlPlane();
  database = running.database;
}, 60_000);

afterAll(async () => {
  await running?.stop();
});

const at = "2026-11-24T00:00:00Z";
let lastBatch = 0;

beforeEach(async () => {
  launch = await newLaunch();
  lastBatch += 10;
});

async function newLaunch(): Promise<string> {
  await database.query("UPDATE launches SET ended_at = now() WHERE ended_at IS NULL");
  await database.query("UPDATE runs SET ended_at = now() WHERE ended_at IS NULL");
  const id = randomUUID();
  await createLaunchStore(database).record(id, "sales");
  return id;
}

const newRun = async (job: string) => (await createRunStore(database).start(job, 1, launch, 1))?.epoch ?? 0;

interface Told {
  job: string;
  epoch: number;
  /** the run that tells of it, where it is another one than the one that committed it */
  by?: number;
  table: string;
  batch: number;
  version?: number;
}

function batchEvent(sequence: number, { job, epoch, by, table, batch, version = batch }: Told): RunnerEvent {
  const rows = { accepted: 8, duplicate: 2 };
  const data = { penstock: 1, kind: "batch", job, generation: 1, epoch, batch, rowsIn: 10, rows, table, version };
  return { sequence, type: "batch", job, generation: 1, epoch: by ?? epoch, at, data };
}

async function counted(job: string, epoch: number) {
  const run = await createRunStore(database).find(job, epoch);
  return { batches: run?.batches, rows: run?.rows, outcomes: run?.outcomes };
}

const ONE = { batches: "1", rows: "10", outcomes: { accepted: 8, duplicate: 2 } };

describe("what runners report of their batches", () => {
  it("keeps when a batch was committed, not when that was heard of", async () => {
    const epoch = await newRun("sales.silver");
    const event = batchEvent(1, { job: "sales.silver", epoch, table: "silver.sales_events", batch: lastBatch });
    event.data.committedAt = "2026-11-20T12:00:00.123000Z";
    await createEventStore(database).save(launch, [event]);
    const commits = createCommitStore(database);
    const of = { generation: 1, table: "silver.sales_events", kind: "batch", limit: 1 } as const;
    const [kept] = await commits.find({ ...of, by: "time", order: "oldest" });
    expect([kept?.batch, kept?.at.toISOString()]).toEqual([String(lastBatch), "2026-11-20T12:00:00.123Z"]);
    expect(kept?.entry).not.toHaveProperty("committedAt");
    expect(
      await commits.find({ ...of, by: "time", order: "newest", until: new Date("2026-11-20T12:00:00.122Z") }),
    ).toEqual([]);
  });

  it("counts each batch once, however often a runner sends it", async () => {
    const epoch = await newRun("sales.silver");
    const store = createEventStore(database);
    const told = { job: "sales.silver", epoch, table: "silver.sales_events", batch: lastBatch };
    const events = [batchEvent(1, told), batchEvent(2, { ...told, batch: lastBatch + 1 })];
    await Promise.all([store.save(launch, events.slice(0, 1)), store.save(launch, events)]);
    expect(await store.save(launch, events)).toEqual({ newest: 2, fresh: [] });
    expect(await counted("sales.silver", epoch)).toEqual({
      batches: "2",
      rows: "20",
      outcomes: { accepted: 16, duplicate: 4 },
    });
  });

  it("counts a batch for the run that committed it, also when only its successor tells of it", async () => {
    const store = createEventStore(database);
    const first = await newRun("sales.silver");
    launch = await newLaunch();
    const second = await newRun("sales.silver");
    const told = { job: "sales.silver", epoch: first, by: second, table: "silver.sales_events", batch: lastBatch };
    await store.save(launch, [batchEvent(1, told)]);
    launch = await newLaunch();
    const third = await newRun("sales.silver");
    await store.save(launch, [batchEvent(1, { ...told, by: third })]);
    expect(await counted("sales.silver", first)).toEqual(ONE);
    expect(await counted("sales.silver", second)).toEqual({ batches: "0", rows: "0", outcomes: {} });
    expect(await counted("sales.silver", third)).toEqual({ batches: "0", rows: "0", outcomes: {} });
  });

  it("counts a batch once that goes into two tables, and journals it once", async () => {
    const journal = createJournal(database);
    const before = await journal.newest();
    const epoch = await newRun("sales.dq");
    const told = { job: "sales.dq", epoch, batch: lastBatch };
    await createEventStore(database).save(launch, [
      batchEvent(1, { ...told, table: "dq.revenue_5m.samples" }),
      batchEvent(2, { ...told, table: "dq.revenue_5m.metrics", version: 77 }),
    ]);
    expect(await counted("sales.dq", epoch)).toEqual(ONE);
    const { events } = await journal.after(before, { types: ["batch.committed"], subjects: [] }, 10);
    expect(events.map(({ subjects, data }) => ({ subjects, data }))).toEqual([
      {
        subjects: ["sales.dq"],
        data: {
          epoch,
          generation: 1,
          batch: lastBatch,
          version: 77,
          rows: 10,
          outcomes: { accepted: 8, duplicate: 2 },
          durationMs: null,
        },
      },
    ]);
  });
});

describe("the report of a batch", () => {
  it("is found behind those of later batches, which made no commit", async () => {
    const epoch = await newRun("sales.dq");
    const events = [1, 2, 3].map((sequence) => ({
      sequence,
      type: "progress",
      job: "sales.dq",
      generation: 1,
      epoch,
      at,
      data: { batchId: lastBatch + sequence },
    }));
    const store = createEventStore(database);
    await store.save(launch, events);
    expect((await store.newestProgress("sales.dq"))?.data.batchId).toBe(lastBatch + 3);
    expect((await store.newestProgress("sales.dq", String(lastBatch + 1)))?.data.batchId).toBe(lastBatch + 1);
    expect(await store.newestProgress("sales.dq", String(lastBatch + 9))).toBeNull();
  });
});
