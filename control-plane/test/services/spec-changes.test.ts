import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HOST, startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";
import { ScriptedRunner } from "../fixtures/runner.ts";

let running: TestControlPlane;
const runners: ScriptedRunner[] = [];

beforeAll(async () => {
  running = await startControlPlane();
  running.master.workers = [{ id: "w", state: "ALIVE", cores: 8, coresfree: 8, memory: 8192, memoryfree: 8192 }];
  running.controlPlane.reconciler.start();
}, 60_000);

afterAll(() => running?.stop());

async function call(method: "GET" | "POST" | "PUT", url: string, payload?: object) {
  const headers = { host: HOST, ...(method === "PUT" ? { "if-match": "*" } : {}) };
  return running.controlPlane.app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
}

async function get(url: string) {
  return (await call("GET", url)).json();
}

/** Every submission gets a runner, and all of them call, until `holds`. */
async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  for (let attempt = 0; attempt < 1_000; attempt += 1) {
    if (await holds()) return;
    for (const { name, launches } of (await get("/v1/applications")).items) {
      const [launch] = launches;
      const isNew = launch?.submissionId != null && !runners.some((runner) => runner.launchId === launch.id);
      if (isNew && running.master.driverState === "RUNNING") runners.push(new ScriptedRunner(running, name, launch.id));
    }
    for (const runner of runners) await runner.sync();
    await delay(20);
  }
  throw new Error(`did not happen; jobs: ${(await call("GET", "/v1/jobs")).body}`);
}

async function change(url: string, fields: object, query = ""): Promise<ReturnType<typeof call>> {
  const { spec } = await get(url);
  return call("PUT", `${url}${query}`, { ...spec, ...fields });
}

const newest = (application: string) => runners.filter((runner) => runner.application === application).at(-1);
const job = (id: string) => get(`/v1/jobs/${id}`);
const runs = async (id: string) => (await get(`/v1/jobs/${id}/runs`)).items;
const succeeded = async (id: string) => (await get(`/v1/operations/${id}`)).state === "succeeded";
const allRun = async () => (await get("/v1/jobs")).items.every(({ state }: { state: string }) => state === "RUNNING");

// One story: each test goes on where the one before it ended.
describe("a change of a spec", { timeout: 60_000 }, () => {
  it("does not reach what runs before it is restarted", async () => {
    await until(allRun);
    const answer = (await change("/v1/jobs/sales.gold", { trigger: "5s" })).json();
    expect(answer).toMatchObject({ effect: "restart", restartPending: true, specRevision: 2, operation: null });
    await newest("sales")?.sync();
    const assigned = () => newest("sales")?.assignments.find((assignment) => assignment.job === "sales.gold");
    expect(assigned()).toMatchObject({ epoch: 1, spec: { triggerMs: 0 } });
    expect(await job("sales.gold")).toMatchObject({ restartPending: true, specRevision: 2, state: "RUNNING" });
    const { id } = (await call("POST", "/v1/jobs/sales.gold/restart")).json();
    await until(() => succeeded(id));
    expect(assigned()).toMatchObject({ epoch: 2, spec: { triggerMs: 5_000 } });
    expect(await job("sales.gold")).toMatchObject({ restartPending: false });
    expect((await runs("sales.gold")).map((run: { specRevision: number }) => run.specRevision)).toEqual([2, 1]);
  });

  it("is followed by a restart at once when that is asked for with it, and by none when nothing needs one", async () => {
    const answer = await change("/v1/jobs/sales.dq", { limits: { maxFilesPerTrigger: 8 } }, "?restart=true");
    expect(answer.statusCode).toBe(202);
    expect(answer.headers.location).toBe(`/v1/operations/${answer.json().operation}`);
    await until(() => succeeded(answer.json().operation));
    const calm = await change("/v1/jobs/sales.dq", { drainTimeout: "1m" }, "?restart=true");
    expect(calm.statusCode).toBe(200);
    expect(calm.json()).toMatchObject({ effect: "none", restartPending: false, operation: null });
  });

  it("is not lost when the restart for the change before has just begun a new run", async () => {
    const first = (await change("/v1/jobs/sales.dq", { limits: { maxFilesPerTrigger: 16 } }, "?restart=true")).json();
    const { epoch } = await job("sales.dq");
    await until(async () => (await job("sales.dq")).epoch === epoch + 1);
    const second = (await change("/v1/jobs/sales.dq", { limits: { maxFilesPerTrigger: 32 } }, "?restart=true")).json();
    expect(second.operation).not.toBe(first.operation);
    expect((await get(`/v1/operations/${first.operation}`)).state).toBe("superseded");
    await until(() => succeeded(second.operation));
    expect(await job("sales.dq")).toMatchObject({ epoch: epoch + 2, restartPending: false });
  });

  it("moves a job into an application of its own only after its old run has stopped with a certificate", async () => {
    const answer = (await change("/v1/jobs/sales.gold", { application: "dedicated" })).json();
    expect(answer).toMatchObject({ effect: "restart", restartPending: true });
    await until(async () => (await get("/v1/applications/sales.gold")).jobs.length === 1);
    expect(await job("sales.gold")).toMatchObject({ state: "RUNNING", application: "sales", epoch: 2 });
    expect(await get("/v1/applications/sales.gold")).toMatchObject({
      dedicated: true,
      phase: expect.stringMatching(/none|unknown/),
      spec: { cores: 1, driverMemory: "600m", executorMemory: "600m" },
      launches: [],
    });
    const { id } = (await call("POST", "/v1/jobs/sales.gold/restart")).json();
    await until(() => succeeded(id));
    expect(await job("sales.gold")).toMatchObject({ state: "RUNNING", application: "sales.gold", epoch: 3 });
    const [present, before] = await runs("sales.gold");
    expect(present).toMatchObject({ epoch: 3, application: "sales.gold", endedAt: null });
    expect(before).toMatchObject({
      epoch: 2,
      application: "sales",
      endedBy: "request",
      certificate: { inFlight: false },
    });
    expect(Date.parse(present.startedAt)).toBeGreaterThanOrEqual(Date.parse(before.endedAt));
    expect(newest("sales.gold")?.assignments.map((assignment) => assignment.job)).toEqual(["sales.gold"]);
    await newest("sales")?.sync();
    expect(newest("sales")?.assignments.map((assignment) => assignment.job)).not.toContain("sales.gold");
    const [own, shared] = ["sales.gold", "sales"].map(
      (name) => newest(name)?.taken.filter((assignment) => assignment.job === "sales.gold") ?? [],
    );
    expect(own?.[0]?.spec.checkpoint).toBe(shared?.[0]?.spec.checkpoint);
    expect(own?.[0]?.spec.tables).toEqual(shared?.[0]?.spec.tables);
  });

  it("ends a dedicated application at once when its job has moved away", async () => {
    const { operation } = (await change("/v1/jobs/sales.gold", { application: "sales" }, "?restart=true")).json();
    await until(() => succeeded(operation));
    expect(await job("sales.gold")).toMatchObject({ state: "RUNNING", application: "sales", epoch: 4 });
    await until(() => newest("sales.gold")?.shutdown === true);
    expect(newest("sales")?.shutdown).toBe(false);
  });

  it("reaches an application when it is restarted: jobs drained, driver ended, submitted anew", async () => {
    const old = newest("sales");
    const answer = await change("/v1/applications/sales", { cores: 1 });
    expect(answer.json()).toMatchObject({ effect: "restart", restartPending: true });
    const restart = await call("POST", "/v1/applications/sales/restart");
    expect(restart.statusCode).toBe(202);
    const operation = restart.json();
    expect(operation).toMatchObject({ kind: "restart", job: null, application: "sales", request: { timeout: "1m" } });
    expect(restart.headers.location).toBe(`/v1/operations/${operation.id}`);
    await until(() => old?.gone === true);
    expect(old?.assignments).toEqual([]);
    running.master.driverState = "FINISHED";
    await until(async () => (await get("/v1/applications/sales")).launches[0].id !== old?.launchId);
    running.master.driverState = "RUNNING";
    await until(() => succeeded(operation.id));
    expect(await allRun()).toBe(true);
    expect(await get("/v1/applications/sales")).toMatchObject({
      phase: "live",
      restartPending: false,
      specRevision: 2,
    });
    const [, drained] = await runs("sales.bronze");
    expect(drained).toMatchObject({ endedBy: "request", operation: operation.id, certificate: { inFlight: false } });
    expect((await get("/v1/operations?application=sales")).items).toHaveLength(1);
  });

  it("lets an application that waits for room make way for a spec that fits, its driver killed first", async () => {
    const { operation } = (
      await change("/v1/applications/sales", { executorMemory: "64g" }, "?restart=true&force=true")
    ).json();
    const old = newest("sales");
    await until(() => old?.gone === true);
    running.master.driverState = "FINISHED";
    await until(async () => (await get("/v1/applications/sales")).launches[0].id !== old?.launchId);
    await until(async () => (await get("/v1/applications/sales")).launches[0].submissionId !== null);
    const [waiting] = (await get("/v1/applications/sales")).launches;
    running.master.driverState = "SUBMITTED";
    running.master.applications = [{ id: "app-9", name: waiting.submissionId, state: "WAITING", cores: 0 }];
    await until(async () => (await job("sales.gold")).state === "WAITING");
    expect((await job("sales.gold")).reason).toMatch(
      /no resources: executors need 1 core in all and 64g each; free on 1 worker: 8 cores/,
    );
    expect(running.master.killed).not.toContain(waiting.submissionId);
    await change("/v1/applications/sales", { executorMemory: "800m" });
    await until(() => running.master.killed.includes(waiting.submissionId));
    expect((await get("/v1/applications/sales")).launches[0].id).toBe(waiting.id);
    running.master.driverState = "KILLED";
    await until(async () => (await get("/v1/applications/sales")).launches[0].id !== waiting.id);
    running.master.driverState = "RUNNING";
    running.master.applications = [];
    await until(() => succeeded(operation));
    expect(await allRun()).toBe(true);
  });
});
