import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HOST, startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";
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

  it("is not tried again by itself, and is tried again when somebody starts a job", async () => {
    const submitted = running.master.submitted.length;
    const headers = { host: HOST };
    await running.controlPlane.app.inject({ method: "POST", url: "/v1/jobs/sales.gold/start", headers });
    while (running.master.submitted.length === submitted) await delay(50);
    expect(submitted).toBe(5);
  });
});
