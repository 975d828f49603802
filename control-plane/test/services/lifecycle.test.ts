import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HOST, startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";
import { ScriptedRunner } from "../fixtures/runner.ts";

let running: TestControlPlane;

beforeAll(async () => {
  running = await startControlPlane();
  running.controlPlane.reconciler.start();
}, 60_000);

afterAll(() => running?.stop());

async function call(method: "GET" | "POST", url: string, headers: Record<string, string> = {}, body?: object) {
  const payload = body === undefined ? {} : { payload: body };
  return running.controlPlane.app.inject({ method, url, headers: { host: HOST, ...headers }, ...payload });
}

let runner: ScriptedRunner;

/** Lets the runner call until `holds`. */
async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt += 1) {
    if (await holds()) return;
    await runner?.sync();
    await delay(20);
  }
  throw new Error(`did not happen; jobs: ${(await call("GET", "/v1/jobs")).body}`);
}

async function stateOf(job: string): Promise<string> {
  return (await call("GET", `/v1/jobs/${job}`)).json().state;
}

// One story: each test goes on where the one before it ended.
describe("the life of jobs", { timeout: 30_000 }, () => {
  it("begins with one submission, recorded before it is made, and runs once the runner calls", async () => {
    await until(() => running.master.submitted.length === 1);
    const [application] = (await call("GET", "/v1/applications")).json().items;
    expect(application.launches.map((launch: { id: string }) => launch.id)).toEqual(running.master.submitted);
    runner = new ScriptedRunner(running, "sales", running.master.submitted[0] ?? "");
    for (const job of Object.keys(running.manifest.jobs)) await until(async () => (await stateOf(job)) === "RUNNING");
    expect(running.master.submitted).toHaveLength(1);
    expect(runner.assignments.map(({ job, epoch }) => `${job}@${epoch}`).sort()).toEqual([
      "sales.bronze@1",
      "sales.dq@1",
      "sales.gold@1",
      "sales.silver@1",
    ]);
    const bronze = runner.assignments.find(({ job }) => job === "sales.bronze");
    expect(bronze?.spec.readers["bronze.sales_events"]).toEqual([
      { job: "sales.silver", checkpoint: expect.stringMatching(/checkpoints\/gen=1\/sales\.silver$/) },
    ]);
  });

  it("refuses a runner of another launch", async () => {
    const stranger = new ScriptedRunner(running, "sales", "6f9619ff-8b86-4011-b42d-00cf4fc964ff");
    await stranger.sync();
    expect(stranger.superseded).toBe(true);
  });

  it("answers a start of a running job at once, without a new run", async () => {
    const response = await call("POST", "/v1/jobs/sales.gold/start");
    expect(response.statusCode).toBe(200);
    expect(response.json()).toMatchObject({ kind: "start", state: "succeeded" });
    expect((await call("GET", "/v1/jobs/sales.gold/runs")).json().items).toHaveLength(1);
  });

  it("stops one job with a certificate while the others go on", async () => {
    const response = await call("POST", "/v1/jobs/sales.gold/stop");
    expect(response.statusCode).toBe(202);
    const location = String(response.headers.location);
    await until(async () => (await call("GET", location)).json().state === "succeeded");
    expect((await call("GET", location)).json().certificate).toMatchObject({
      epoch: 1,
      lastBatch: 41,
      inFlight: false,
    });
    expect(await stateOf("sales.gold")).toBe("STOPPED");
    expect(await stateOf("sales.silver")).toBe("RUNNING");
    const [run] = (await call("GET", "/v1/jobs/sales.gold/runs")).json().items;
    expect(run).toMatchObject({
      epoch: 1,
      application: "sales",
      submissionId: "driver-1",
      driverId: "driver-1",
      sparkAppId: "app-1",
      endedBy: "request",
      endedByActor: "local",
      operation: location.split("/").at(-1),
    });
    expect((await call("GET", "/v1/jobs/sales.gold/runs/1")).json()).toEqual(run);
    expect((await call("GET", "/v1/jobs/sales.gold/runs/9")).json()).toMatchObject({
      code: "unknown_run",
      detail: "sales.gold has no run with epoch 9; its newest epoch is 1.",
    });
    const again = await call("POST", "/v1/jobs/sales.gold/stop");
    expect(again.statusCode).toBe(200);
    // It ended nothing: the certificate is the other stop's.
    expect(again.json().certificate).toBeNull();
  });

  it("takes requests with one Idempotency-Key for one request", async () => {
    const key = { "idempotency-key": "k1" };
    const answers = await Promise.all([1, 2, 3].map(() => call("POST", "/v1/jobs/sales.gold/start", key)));
    expect(new Set(answers.map((answer) => answer.json().id)).size).toBe(1);
    expect((await call("POST", "/v1/jobs/sales.dq/stop", key)).json().code).toBe("idempotency_key_reused");
    await until(async () => (await stateOf("sales.gold")) === "RUNNING");
    expect(runner.assignments.find(({ job }) => job === "sales.gold")?.epoch).toBe(2);
  });

  it("lets the newest of two opposite wishes win", async () => {
    const stop = (await call("POST", "/v1/jobs/sales.dq/stop")).json();
    const start = (await call("POST", "/v1/jobs/sales.dq/start")).json();
    expect((await call("GET", `/v1/operations/${stop.id}`)).json().state).toBe("superseded");
    await until(async () => (await call("GET", `/v1/operations/${start.id}`)).json().state === "succeeded");
    expect(await stateOf("sales.dq")).toBe("RUNNING");
  });

  it("restarts a job with a new epoch", async () => {
    const { id } = (await call("POST", "/v1/jobs/sales.bronze/restart")).json();
    await until(async () => (await call("GET", `/v1/operations/${id}`)).json().state === "succeeded");
    expect((await call("GET", "/v1/jobs/sales.bronze")).json()).toMatchObject({ state: "RUNNING", epoch: 2 });
  });

  it("keeps each of a runner's events once, however often it is sent", async () => {
    const at = new Date().toISOString();
    const event = { job: "sales.silver", generation: 1, epoch: 1, at };
    const entry = {
      table: "silver.sales_events",
      version: 7,
      kind: "batch",
      batch: 3,
      rowsIn: 100,
      rows: { accepted: 97, late: 3 },
      through: { "sales.events.v1": { "0": "100" } },
    };
    const events = [
      { ...event, sequence: 1, type: "progress", data: { batchId: 3, durationMs: { triggerExecution: 420 } } },
      { ...event, sequence: 2, type: "batch", data: entry },
    ];
    await runner.sync(events);
    await runner.sync(events);
    expect(runner.acknowledged).toBe(2);
    const [run] = (await call("GET", "/v1/jobs/sales.silver/runs")).json().items;
    expect(run).toMatchObject({ batches: "1", rows: "100", outcomes: { accepted: "97", late: "3" } });
    expect((await call("GET", "/v1/jobs/sales.silver/progress")).json().items).toHaveLength(1);
    expect((await call("GET", "/v1/jobs/sales.silver")).json().lastBatch).toMatchObject({
      id: "3",
      rows: 100,
      durationMs: 420,
      version: "7",
    });
  });

  it("shows a query that died in a living application, and starts it again", async () => {
    runner.failing.add("sales.dq");
    await until(async () => (await stateOf("sales.dq")) === "FAILED");
    expect((await call("GET", "/v1/jobs/sales.dq")).json().reason).toMatch(
      /^java.io.IOException: No space left; starts again at/,
    );
    // Postgres takes neither NUL nor half a pair of surrogates: what a query died of may hold any character of a user's data.
    const [run] = (await call("GET", "/v1/jobs/sales.dq/runs")).json().items;
    expect(run.exception.message).toBe("No space left\non device \ufffd \ufffd \u{1f600}");
    expect(await stateOf("sales.silver")).toBe("RUNNING");
    runner.failing.clear();
    await until(async () => (await stateOf("sales.dq")) === "RUNNING");
  });

  it("is not doubled by a control plane that starts again", async () => {
    await running.controlPlane.reconciler.stop();
    running.controlPlane.reconciler.start();
    await until(async () => (await stateOf("sales.gold")) === "RUNNING");
    expect(running.master.submitted).toHaveLength(1);
  });

  it("goes on in a new launch, with new epochs, once the master says that the old one is dead", async () => {
    const old = runner;
    running.master.driverState = "FAILED";
    // Silence is needed as well: a runner that calls is not dead, whatever the master says.
    for (let heartbeat = 0; heartbeat < 20; heartbeat += 1) {
      await old.sync();
      await delay(20);
    }
    expect(running.master.submitted).toHaveLength(1);
    while ((await stateOf("sales.gold")) === "RUNNING") await delay(50);
    while (running.master.submitted.length === 1) await delay(50);
    running.master.driverState = "RUNNING";
    await old.sync();
    expect(old.superseded).toBe(true);
    runner = new ScriptedRunner(running, "sales", running.master.submitted[1] ?? "");
    await until(async () => (await stateOf("sales.gold")) === "RUNNING");
    const runs = (await call("GET", "/v1/jobs/sales.gold/runs")).json().items;
    expect(runs.slice(0, 2)).toMatchObject([
      { epoch: 3, endedBy: null },
      { epoch: 2, endedBy: "application" },
    ]);
  });

  it("does not let a kill take other jobs along without force", async () => {
    const refused = await call("POST", "/v1/jobs/sales.gold/stop", {}, { mode: "kill" });
    expect(refused.statusCode).toBe(409);
    expect(refused.json()).toMatchObject({
      code: "kills_other_jobs",
      detail: expect.stringContaining("sales.bronze, sales.dq, sales.silver"),
    });
    expect(running.master.killed).toEqual([]);
  });

  it("refuses force where nothing is unknown", async () => {
    const refused = await call("POST", "/v1/jobs/sales.gold/restart", {}, { force: true });
    expect(refused.json()).toMatchObject({ code: "conflict", detail: expect.stringContaining("live") });
  });

  it("kills an application with force: the job stays stopped, the others start again in a new one", async () => {
    const submitted = running.master.submitted.length;
    const { id } = (await call("POST", "/v1/jobs/sales.gold/stop", {}, { mode: "kill", force: true })).json();
    await until(() => running.master.killed.length > 0);
    // Not seen from here, so that only the master's word ends it.
    expect(running.master.submitted).toHaveLength(submitted);
    running.master.driverState = "KILLED";
    while (running.master.submitted.length === submitted) await delay(20);
    running.master.driverState = "RUNNING";
    runner = new ScriptedRunner(running, "sales", running.master.submitted.at(-1) ?? "");
    await until(async () => (await call("GET", `/v1/operations/${id}`)).json().state === "succeeded");
    await until(async () => (await stateOf("sales.silver")) === "RUNNING");
    expect(await stateOf("sales.gold")).toBe("STOPPED");
    const ends = await Promise.all(
      ["sales.gold", "sales.silver"].map(async (job) => (await call("GET", `/v1/jobs/${job}/runs`)).json().items),
    );
    expect(ends.map((runs) => runs.find((run: { endedAt: string | null }) => run.endedAt !== null).endedBy)).toEqual([
      "request",
      "application",
    ]);
  });

  it("starts an unknown job again on an operator's word, who stands in the reason", async () => {
    running.master.driverState = "UNREACHABLE";
    const silent = runner.launchId;
    while ((await stateOf("sales.silver")) !== "UNKNOWN") await delay(50);
    const { id } = (await call("POST", "/v1/jobs/sales.silver/restart", {}, { force: true })).json();
    while (running.master.submitted.at(-1) === silent) await delay(20);
    running.master.driverState = "RUNNING";
    runner = new ScriptedRunner(running, "sales", running.master.submitted.at(-1) ?? "");
    await until(async () => (await call("GET", `/v1/operations/${id}`)).json().state === "succeeded");
    const [application] = (await call("GET", "/v1/applications")).json().items;
    expect(application.launches[1]).toMatchObject({ id: silent, endReason: "declared dead by local" });
  });

  it("can be read in the journal afterwards", async () => {
    const history = async (query: string): Promise<{ type: string; data: Record<string, unknown> }[]> => {
      const { items } = (await call("GET", `/v1/events/history?limit=500&${query}`)).json();
      return items.reverse();
    };
    const gold = await history("subject=sales.gold&type=job.state,run.opened,run.closed");
    expect(gold.slice(0, 7).map(({ type, data }) => `${type} ${data.to ?? data.epoch}`)).toEqual([
      "job.state STARTING",
      "run.opened 1",
      "job.state RUNNING",
      "job.state DRAINING",
      "run.closed 1",
      "job.state STOPPED",
      "run.opened 2",
    ]);
    expect(gold[2]?.data).toMatchObject({ from: "STARTING", rule: "running" });
    const [stop] = (await history("subject=sales.gold&type=operation.ended")).filter(
      ({ data }) => data.kind === "stop",
    );
    expect(gold[4]?.data).toMatchObject({ endedBy: "request", operation: stop?.data.operation });
    const failed = await history("subject=sales.dq&type=run.closed");
    expect(failed.map(({ data }) => data)).toContainEqual(
      expect.objectContaining({
        endedBy: "failure",
        exception: { class: "java.io.IOException", message: expect.any(String) },
      }),
    );
    const launches = await history("subject=sales&type=launch.recorded,launch.submitted,launch.adopted,launch.ended");
    expect(launches.slice(0, 3).map(({ type }) => type)).toEqual([
      "launch.recorded",
      "launch.submitted",
      "launch.adopted",
    ]);
    expect(launches.filter(({ type }) => type === "launch.adopted")).toHaveLength(running.master.submitted.length);
    const phases = (await history("subject=sales&type=application.phase")).map(({ data }) => data.to);
    expect(phases[0]).toBe("submitting");
    expect(phases).toContain("live");
    expect(await history("type=batch.committed")).toMatchObject([
      { data: { batch: 3, rows: 100, version: 7, durationMs: 420 } },
    ]);
  });
});
