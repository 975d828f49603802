import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Database, openDatabase } from "../../control-plane/src/adapters/postgres/database.ts";
import { createGenerationStore } from "../../control-plane/src/adapters/postgres/generations.ts";
import type { GenerationDetails, GenerationStore } from "../../control-plane/src/services/generations/ports.ts";
import type { JobSummary } from "../../control-plane/src/services/jobs.ts";
import { loadSecrets } from "../../infra/local/src/secrets.ts";
import { databaseUrl } from "../../infra/local/src/services/postgres.ts";
import { allConsumed, allRunning, expectExact, produce, sharedStack } from "../integration/shared-stack.ts";
import { jobsCaughtUp } from "../smoke/progress.ts";
import { waitFor } from "../stack/wait-for.ts";

const stack = sharedStack();
const REPLAYED = ["sales.silver", "sales.gold", "sales.dq"];
const PATIENCE_MS = 180_000;

let database: Database;
let store: GenerationStore;
let first: GenerationDetails;
let number: number;
/** of the jobs before anything happened to them */
let before: Record<string, number>;

const shadow = (job: string) => `${job}@${number}`;
const job = (id: string) => stack.rest.get<JobSummary>(`/v1/jobs/${id}`);
const epochs = async () => {
  const { items } = await stack.rest.get<{ items: JobSummary[] }>("/v1/jobs");
  return Object.fromEntries(items.map(({ id, epoch }) => [id, epoch]));
};

/** Waits until no run of these jobs is open. */
const stopped = (ids: string[]) =>
  waitFor<true>(
    async () => {
      const states = await Promise.all(ids.map(async (id) => [id, (await job(id)).state]));
      return states.every(([, state]) => state === "STOPPED") || { pending: states };
    },
    { timeout: PATIENCE_MS, what: `${ids.join(", ")} to have stopped` },
  );

const caughtUp = (ids: string[]) =>
  jobsCaughtUp(stack, ids, 0, { timeout: PATIENCE_MS, signal: new AbortController().signal }, () => undefined);

beforeAll(async () => {
  await allRunning(stack);
  await produce(stack, { seed: 171, events: 1_000 });
  await allConsumed(stack);
  const url = databaseUrl({ settings: stack.settings, secrets: loadSecrets(stack.stateDir) });
  database = openDatabase(url, () => undefined);
  store = createGenerationStore(database);
  const live = (await store.list("sales")).find(({ state }) => state === "live");
  first = live ?? expect.fail("no generation is live");
  number = await store.nextNumber("sales");
  before = await epochs();
});

afterAll(() => database?.close());

// One story: each test goes on where the one before it ended.
describe("shadow jobs", () => {
  it("catch up beside the live jobs, in the same application, and nobody notices", async () => {
    await store.create({
      ...{ pipeline: "sales", number, parent: first.number, replay: randomUUID(), jobs: REPLAYED, specs: {} },
      ...{ rules: first.rules, start: null, inherits: null },
    });
    await store.setShadows("sales", number, "running");
    await produce(stack, { seed: 172, events: 300 });
    await caughtUp(REPLAYED.map(shadow));
    await expectExact(stack);
    expect(await epochs()).toEqual(before);
    const gold = await job(shadow("sales.gold"));
    expect(gold).toMatchObject({ state: "RUNNING", generation: number, shadow: { of: "sales.gold" } });
    expect(gold.lastBatch).not.toBeNull();
  });

  it("have runs, checkpoints and progress of their own", async () => {
    const [runs, checkpoint, progress] = await Promise.all([
      stack.rest.get<{ items: { generation: number; batches: string }[] }>(`/v1/jobs/${shadow("sales.silver")}/runs`),
      stack.rest.get<{ folder: string; exists: boolean }>(`/v1/jobs/${shadow("sales.silver")}/checkpoint`),
      stack.rest.get<{ items: { generation: number }[] }>(`/v1/jobs/${shadow("sales.silver")}/progress`),
    ]);
    expect(runs.items[0]?.generation).toBe(number);
    expect(Number(runs.items[0]?.batches)).toBeGreaterThan(0);
    expect(checkpoint).toMatchObject({ exists: true, folder: expect.stringContaining(`gen=${number}/sales.silver`) });
    expect(new Set(progress.items.map(({ generation }) => generation))).toEqual(new Set([number]));
  });

  it("leave nothing behind when they are given up", async () => {
    const { tables } = (await store.find("sales", number)) ?? expect.fail("it is gone");
    const own = Object.values(tables).filter((path) => path.startsWith(`gen=${number}/`));
    const folders = [
      ...own.map((path) => join(stack.settings.stateDir, "lake", path)),
      ...REPLAYED.map((id) => join(stack.settings.stateDir, "checkpoints", `gen=${number}`, id)),
    ];
    expect(folders.filter((folder) => !existsSync(folder))).toEqual([]);
    await store.setShadows("sales", number, "stopped");
    await stopped(REPLAYED.map(shadow));
    await store.retire("sales", number, null);
    await waitFor<true>(
      async () => {
        const there = folders.filter((folder) => existsSync(folder));
        return there.length === 0 || { pending: there };
      },
      { timeout: 90_000, what: "their tables and checkpoints to be deleted" },
    );
    expect((await job(shadow("sales.gold"))).shadow?.retiredAt).toEqual(expect.any(String));
    expect(await epochs(), "of the live jobs").toEqual(before);
    await expectExact(stack);
  });
});
