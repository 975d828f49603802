import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { waitFor } from "../../../../test/stack/wait-for.ts";
import { type Database, openDatabase } from "../../../src/adapters/postgres/database.ts";
import { HOST, startControlPlane, type TestControlPlane } from "../../fixtures/control-plane.ts";
import { newReplay, replayEngines, TOPIC } from "../../fixtures/replaying.ts";
import { ScriptedRunner } from "../../fixtures/runner.ts";

vi.setConfig({ testTimeout: 120_000 });

const id = randomUUID();
const asked = { by: "ana", requestId: randomUUID() };
let running: TestControlPlane;
let database: Database;
let runner: ScriptedRunner;
let parts: ReturnType<typeof replayEngines>;
let engine: ReturnType<typeof parts.startUp>;

async function call(method: "GET" | "POST", url: string) {
  return (await running.controlPlane.app.inject({ method, url, headers: { host: HOST } })).json();
}

beforeAll(async () => {
  running = await startControlPlane();
  database = openDatabase(running.databaseUrl, () => undefined);
  running.controlPlane.reconciler.start();
  const launch = await waitFor<string>(async () => running.master.submitted[0] ?? { pending: "a launch" }, {
    timeout: 30_000,
    what: "the application to be submitted",
  });
  runner = new ScriptedRunner(running, "sales", launch);
  parts = replayEngines({
    database,
    pipeline: "sales",
    async request(kind, job) {
      await call("POST", `/v1/jobs/${job}/${kind}`);
    },
  });
  engine = parts.startUp();
}, 60_000);

afterAll(async () => {
  await engine?.stop();
  await database?.close();
  await running?.stop();
});

/** What the runner runs now, as `job@generation`. */
const assigned = () =>
  runner.assignments
    .filter(({ desired }) => desired === "running")
    .map(({ job, generation }) => `${job}@${generation}`)
    .sort();

let sequence = 0;
/** Lets the runner tell of a batch of each job that runs: all have read the same. */
async function tellOfBatches(offset: number): Promise<void> {
  const events = runner.assignments
    .filter(({ desired }) => desired === "running")
    .map(({ job, generation, epoch, spec }) => {
      sequence += 1;
      const through = { [TOPIC]: { "0": String(offset) } };
      const entry = {
        kind: "batch",
        table: spec.writes[0],
        version: sequence,
        batch: sequence,
        through,
        rowsIn: 1,
        rows: {},
      };
      return { sequence, type: "batch", job, generation, epoch, at: new Date().toISOString(), data: entry };
    });
  await runner.sync(events);
}

/** Lets engine, control plane and runner work until the replay is somewhere. */
async function until(place: string): Promise<void> {
  let offset = 100;
  await waitFor<true>(
    async () => {
      await engine.tick();
      offset += 1;
      await tellOfBatches(offset);
      const row = await parts.store.find(id);
      const is = [row?.state, row?.phase].filter((text) => text != null).join(": ");
      return is === place || { pending: `${is}: ${row?.reason}; runs ${assigned().join(", ")}` };
    },
    { timeout: 100_000, interval: 50, what: `the replay to be ${place}` },
  );
}

async function settled(jobs: string[]): Promise<void> {
  await waitFor<true>(
    async () => {
      await runner.sync();
      return assigned().join() === jobs.join() || { pending: assigned() };
    },
    { timeout: 60_000, interval: 50, what: `the runner to run ${jobs.join(", ")}` },
  );
}

const LIVE = ["sales.bronze@1", "sales.dq@1", "sales.gold@1", "sales.silver@1"];
const PROMOTED = ["sales.bronze@1", "sales.dq@2", "sales.gold@2", "sales.silver@2"];

// One story: each test goes on where the one before it ended.
describe("a replay with a control plane and a runner", () => {
  it("runs its shadow jobs beside the live ones, in the same application", async () => {
    await settled(LIVE);
    const audit = {
      actor: "ana",
      action: "replay.create",
      target: "sales.silver",
      requestId: null,
      before: null,
      after: null,
    };
    await parts.store.insert(newReplay("sales", { id, generation: 2, parent: 1 }), audit);
    await until("diffed");
    await settled([...LIVE, "sales.dq@2", "sales.gold@2", "sales.silver@2"].sort());
    expect(running.master.submitted).toHaveLength(1);
  });

  it("is promoted: the jobs go on where their shadows stopped, with higher epochs", async () => {
    await parts.replays.request("promote", id, null, asked);
    await until("promoted");
    await settled(PROMOTED);
    const { items } = await call("GET", "/v1/jobs");
    expect(
      items.map((job: { id: string; generation: number; epoch: number }) => [job.id, job.generation, job.epoch]),
    ).toEqual([
      ["sales.bronze", 1, 1],
      ["sales.dq", 2, 3],
      ["sales.gold", 2, 3],
      ["sales.silver", 2, 3],
    ]);
    const stops = await call("GET", "/v1/operations?job=sales.silver&limit=5");
    expect(stops.items.map(({ kind, state }: { kind: string; state: string }) => [kind, state])).toContainEqual([
      "stop",
      "succeeded",
    ]);
  });

  it("is rolled back, and promoted again", async () => {
    await parts.replays.request("rollback", id, null, asked);
    await until("rolled_back");
    await settled(LIVE);
    await parts.replays.request("promote", id, null, asked);
    await until("promoted");
    await settled(PROMOTED);
    const { items } = await call("GET", "/v1/generations");
    expect(items.map(({ generation, state }: { generation: number; state: string }) => [generation, state])).toEqual([
      [2, "live"],
      [1, "kept"],
    ]);
  });
});
