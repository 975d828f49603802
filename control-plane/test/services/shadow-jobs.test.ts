import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { waitFor } from "../../../test/stack/wait-for.ts";
import { type Database, openDatabase } from "../../src/adapters/postgres/database.ts";
import { createGenerationStore } from "../../src/adapters/postgres/generations.ts";
import type { Assignment } from "../../src/domain/sync.ts";
import type { GenerationStore } from "../../src/services/generations/ports.ts";
import { HOST, startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";
import { ScriptedRunner } from "../fixtures/runner.ts";

const REPLAY = randomUUID();
const REPLAYED = ["sales.silver", "sales.gold", "sales.dq"];

let running: TestControlPlane;
let runner: ScriptedRunner;
let database: Database;
let store: GenerationStore;

beforeAll(async () => {
  running = await startControlPlane();
  database = openDatabase(running.databaseUrl, () => undefined);
  store = createGenerationStore(database);
  running.controlPlane.reconciler.start();
  const launch = await waitFor<string>(async () => running.master.submitted[0] ?? { pending: "a launch" }, {
    timeout: 30_000,
    what: "the application to be submitted",
  });
  runner = new ScriptedRunner(running, "sales", launch);
  await until("four jobs to run", async () => (await states()) === "RUNNING RUNNING RUNNING RUNNING");
}, 60_000);

afterAll(async () => {
  await database?.close();
  await running?.stop();
}, 60_000);

async function until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  await waitFor<true>(
    async () => {
      await runner.sync();
      return (await isTrue()) || { pending: what };
    },
    { timeout: 30_000, what },
  );
}

async function call(method: "GET" | "POST" | "PUT", url: string, payload?: object) {
  const headers = { host: HOST, "if-match": '"1"', ...(payload && { "content-type": "application/json" }) };
  return running.controlPlane.app.inject({
    ...{ method, url, headers },
    ...(payload && { payload: JSON.stringify(payload) }),
  });
}

const jobs = async (query = "") =>
  (await call("GET", `/v1/jobs${query}`)).json().items as { id: string; state: string; generation: number }[];

const states = async (query = "") => (await jobs(query)).map(({ state }) => state).join(" ");

const assigned = (job: string, generation: number) =>
  runner.assignments.find((each) => each.job === job && each.generation === generation);

const epochs = () => runner.assignments.map(({ job, generation, epoch }) => `${job} ${generation}:${epoch}`).sort();

/** One thing after another happens to one control plane, as it does to a replay. */
describe("shadow jobs", { timeout: 60_000 }, () => {
  it("run beside the jobs that they shadow, in the same application and under the same name", async () => {
    await store.create({
      ...{
        pipeline: "sales",
        number: 2,
        parent: 1,
        replay: REPLAY,
        jobs: REPLAYED,
        rules: {},
        start: null,
        inherits: null,
      },
      specs: { "sales.silver": { limits: { maxFilesPerTrigger: 4 } } },
    });
    await store.setShadows("sales", 2, "running");
    await until(
      "seven jobs to run",
      async () => (await states("?shadows=true")) === Array(7).fill("RUNNING").join(" "),
    );
    const { spec } = assigned("sales.silver", 2) as Assignment;
    expect(spec).toMatchObject({
      limits: { maxFilesPerTrigger: 4 },
      pace: { weight: 1, held: null },
      checkpoint: expect.stringMatching(/checkpoints\/gen=2\/sales\.silver$/),
    });
    expect(spec.tables["bronze.sales_events"]).toMatch(/gen=1\/bronze/);
    expect(spec.tables["silver.sales_events"]).toMatch(/gen=2\/silver/);
    const readers = assigned("sales.bronze", 1)?.spec.readers["bronze.sales_events"]?.map(({ job }) => job);
    expect(readers).toEqual(["sales.silver", "sales.silver@2"]);
  });

  it("are told of only where they are asked for", async () => {
    expect((await jobs()).map(({ id }) => id)).toEqual(["sales.bronze", "sales.dq", "sales.gold", "sales.silver"]);
    expect((await jobs("?shadows=true")).map(({ id, generation }) => `${id} ${generation}`)).toContain(
      "sales.gold@2 2",
    );
    const one = (await call("GET", "/v1/jobs/sales.gold@2")).json();
    expect(one.shadow).toEqual({ of: "sales.gold", replay: REPLAY, retiredAt: null });
    expect((await call("GET", "/v1/jobs/sales.gold")).json().shadow).toBeNull();
    expect((await call("GET", "/v1/jobs/sales.gold@2/checkpoint")).json()).toMatchObject({
      job: "sales.gold@2",
      generation: 2,
      folder: expect.stringMatching(/gen=2\/sales\.gold$/),
    });
  });

  it("obey their replay alone", async () => {
    for (const action of ["start", "stop", "restart"]) {
      const answer = await call("POST", `/v1/jobs/sales.gold@2/${action}`);
      expect(answer.statusCode, action).toBe(409);
      expect(answer.json()).toMatchObject({
        code: "belongs_to_replay",
        detail: `Nothing was changed: sales.gold@2 is a shadow of sales.gold and does what replay ${REPLAY} wants.`,
      });
    }
    const { spec } = (await call("GET", "/v1/jobs/sales.gold@2")).json();
    const put = await call("PUT", "/v1/jobs/sales.gold@2", { ...spec, trigger: "5s" });
    expect(put.json().code).toBe("belongs_to_replay");
    expect((await call("POST", "/v1/jobs/sales.gold@3/stop")).json().code).toBe("unknown_job");
  });

  it("are told why they are held, and when they may go on", async () => {
    await store.hold("sales", 2, "live lag is 40 s");
    await until("the hold", async () => assigned("sales.dq", 2)?.spec.pace.held === "live lag is 40 s");
    expect(assigned("sales.dq", 1)?.spec.pace.held, "of the live job").toBeNull();
    await store.hold("sales", 2, null);
    await until("the end of the hold", async () => assigned("sales.dq", 2)?.spec.pace.held === null);
  });

  it("stop alone, while the jobs that they shadow go on", async () => {
    const before = epochs();
    await store.setShadows("sales", 2, "stopped", { mode: "now", timeoutMs: 5_000 });
    await until("three assignments to end", async () => runner.assignments.length === 4);
    expect(before).toEqual(expect.arrayContaining(epochs()));
    await store.setShadows("sales", 2, "running");
    await until(
      "seven to run again",
      async () => (await states("?shadows=true")) === Array(7).fill("RUNNING").join(" "),
    );
  });

  it("hand over to the jobs, which go on in their generation above all epochs; others never notice", async () => {
    const bronze = assigned("sales.bronze", 1);
    await store.setShadows("sales", 2, "stopped");
    await store.setReplaced("sales", 2, "stopped");
    await until("bronze to be alone", async () => runner.assignments.length === 1);
    const highest = Math.max(...runner.taken.filter(({ job }) => job === "sales.gold").map(({ epoch }) => epoch));
    const audit = { actor: "ana", action: "generation.promote", target: "sales", requestId: null, before: 1, after: 2 };
    await store.promote("sales", 2, { keptUntil: new Date(Date.now() + 86_400_000), start: REPLAYED, audit });
    await until("four jobs to run", async () => runner.assignments.length === 4);
    expect(assigned("sales.gold", 2)?.epoch).toBe(highest + 1);
    expect(assigned("sales.gold", 2)?.spec).toMatchObject({
      pace: { weight: 8, held: null },
      checkpoint: expect.stringMatching(/gen=2\/sales\.gold$/),
    });
    expect(assigned("sales.bronze", 1)?.epoch, "bronze goes on").toBe(bronze?.epoch);
    expect(await jobs("?shadows=true")).toMatchObject([
      { id: "sales.bronze", generation: 1 },
      { id: "sales.dq", generation: 2 },
      { id: "sales.gold", generation: 2 },
      { id: "sales.silver", generation: 2 },
    ]);
  });

  it("that have retired are still there with their runs", async () => {
    const { shadow, state } = (await call("GET", "/v1/jobs/sales.gold@2")).json();
    expect([shadow.retiredAt, state]).toEqual([expect.any(String), "STOPPED"]);
    const { items } = (await call("GET", "/v1/jobs/sales.gold@2/runs")).json();
    expect(items.map(({ epoch, endedBy }: { epoch: number; endedBy: string }) => [epoch, endedBy])).toEqual([
      [3, "request"],
      [2, "request"],
    ]);
    expect(items[0].certificate).toMatchObject({ job: "sales.gold", generation: 2 });
  });
});
