import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HOST, startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";
import { ScriptedRunner } from "../fixtures/runner.ts";
import { type ScriptedWorker, startWorker } from "../fixtures/spark-worker.ts";

let running: TestControlPlane;
let worker: ScriptedWorker;

beforeAll(async () => {
  running = await startControlPlane();
  worker = await startWorker();
  running.master.workers = [{ id: "worker-1", host: "w", webuiaddress: worker.url, state: "ALIVE" }];
  running.master.driverState = "FAILED";
  for (let driver = 1; driver < 10; driver += 1) {
    worker.logs.set(`driver-${driver}/stdout`, Buffer.from("Traceback (most recent call last):\nMemoryError\n"));
    worker.logs.set(`driver-${driver}/stderr`, Buffer.from("INFO fine\nERROR not fine\n"));
  }
}, 60_000);

afterAll(async () => {
  await running?.stop();
  await worker?.stop();
});

const get = async (url: string) => (await running.controlPlane.app.inject({ url, headers: { host: HOST } })).json();

const LAST_WORDS = {
  stdout: ["Traceback (most recent call last):", "MemoryError"],
  stderr: ["INFO fine", "ERROR not fine"],
};

describe("an application whose driver dies again and again", { timeout: 60_000 }, () => {
  it("ends in FAILED with what it died of and the ends of its logs", async () => {
    running.controlPlane.reconciler.start();
    for (;;) {
      const job = await get("/v1/jobs/sales.gold");
      if (job.failure?.lastWords) break;
      await delay(100);
    }
    const job = await get("/v1/jobs/sales.gold");
    expect(job).toMatchObject({
      state: "FAILED",
      reason: expect.stringMatching(/ended 5 times in a row: the Spark master says FAILED/),
      failure: { exception: null, lastWords: LAST_WORDS },
    });
    const { launches } = await get("/v1/applications/sales");
    expect(launches).toHaveLength(5);
    expect(launches[0].lastWords).toEqual(LAST_WORDS);
  });

  it("is what its jobs failed of, whatever they themselves had failed of before", async () => {
    const launch = (await get("/v1/applications/sales")).launches.at(-1).id;
    const other = new pg.Client({ connectionString: running.databaseUrl });
    await other.connect();
    await other.query(
      `INSERT INTO runs (job, epoch, generation, launch, spec, spec_revision, started_at, ended_at, ended_by, exception)
       SELECT id, 1, 1, $1, spec, revision, now() - interval '9 min', now() - interval '8 min', 'failure', $2
       FROM jobs WHERE id = 'sales.gold'`,
      [launch, { class: "java.io.IOException", message: "of a query, long ago" }],
    );
    await other.query("UPDATE jobs SET epoch = 1, desired_since = now() - interval '1 hour'");
    await other.end();
    expect((await get("/v1/jobs/sales.gold")).failure).toMatchObject({ exception: null, lastWords: LAST_WORDS });
  });

  it("is not tried again by itself, and is tried again when somebody starts a job", async () => {
    const submitted = running.master.submitted.length;
    const headers = { host: HOST };
    await running.controlPlane.app.inject({ method: "POST", url: "/v1/jobs/sales.gold/start", headers });
    while (running.master.submitted.length === submitted) await delay(50);
    expect(submitted).toBe(5);
  });
});

describe("a query that dies again and again in an application that lives", { timeout: 60_000 }, () => {
  it("ends in FAILED with its exception and the ends of its driver's logs", async () => {
    running.master.driverState = "RUNNING";
    const { spec } = await get("/v1/jobs/sales.dq");
    const restart = { ...spec.restart, maxFailures: 2 };
    const headers = { host: HOST, "if-match": "*" };
    const change = { method: "PUT", url: "/v1/jobs/sales.dq", headers, payload: { ...spec, restart } } as const;
    expect((await running.controlPlane.app.inject(change)).statusCode).toBe(200);
    let runner: ScriptedRunner | undefined;
    for (;;) {
      const newest = running.master.submitted.at(-1) ?? "";
      // What was submitted while drivers still died may be replaced once more.
      if (runner?.launchId !== newest) runner = new ScriptedRunner(running, "sales", newest);
      runner.failing.add("sales.dq");
      await runner.sync();
      const { reason, failure } = await get("/v1/jobs/sales.dq");
      if (reason?.startsWith("gave up after 2 failures") && failure.lastWords) break;
      await delay(20);
    }
    expect((await get("/v1/jobs/sales.dq")).failure).toMatchObject({
      exception: { class: "java.io.IOException" },
      lastWords: LAST_WORDS,
    });
  });
});
