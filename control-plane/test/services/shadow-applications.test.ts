import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { waitFor } from "../../../test/stack/wait-for.ts";
import { createGenerationStore } from "../../src/adapters/postgres/generations.ts";
import type { GenerationStore } from "../../src/services/generations/ports.ts";
import { HOST, startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";
import { ScriptedRunner } from "../fixtures/runner.ts";

const REPLAYED = ["sales.silver", "sales.gold", "sales.dq"];
const OWN = "sales.silver@2";

let running: TestControlPlane;
let store: GenerationStore;
const runners: ScriptedRunner[] = [];

beforeAll(async () => {
  running = await startControlPlane();
  store = createGenerationStore(running.database);
  running.controlPlane.reconciler.start();
  await until("four jobs to run", async () => (await runningJobs()).length === 4);
}, 60_000);

afterAll(() => running?.stop(), 60_000);

async function get(url: string) {
  return (await running.controlPlane.app.inject({ method: "GET", url, headers: { host: HOST } })).json();
}

async function runningJobs(): Promise<string[]> {
  const { items } = await get("/v1/jobs?shadows=true");
  return items.flatMap(({ id, state }: { id: string; state: string }) => (state === "RUNNING" ? [id] : []));
}

const applications = async () => (await get("/v1/applications")).items.map(({ name }: { name: string }) => name);

/** Every submission gets a runner, and all of them call, until something is so. */
async function until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  await waitFor<true>(
    async () => {
      for (const { name, launches } of (await get("/v1/applications")).items) {
        const [launch] = launches;
        const isNew = launch?.submissionId != null && runnerOf(name)?.launchId !== launch.id;
        if (isNew) runners.push(new ScriptedRunner(running, name, launch.id));
      }
      for (const runner of runners) await runner.sync();
      return (await isTrue()) || { pending: what };
    },
    { timeout: 30_000, what },
  );
}

const runnerOf = (application: string) => runners.filter((runner) => runner.application === application).at(-1);
const assignedIn = (application: string) =>
  runnerOf(application)
    ?.assignments.map(({ job, generation }) => `${job} ${generation}`)
    .sort();

// One story: each test goes on where the one before it ended.
describe("a shadow in an application of its own", { timeout: 60_000 }, () => {
  it("runs there with its own spec, while the other shadows run beside the live jobs", async () => {
    await store.create({
      ...{ pipeline: "sales", number: 2, parent: 1, replay: randomUUID(), jobs: REPLAYED, rules: {} },
      ...{ start: null, inherits: null },
      specs: { "sales.silver": { application: "dedicated", trigger: "5s", limits: { maxFilesPerTrigger: 4 } } },
    });
    expect(running.master.submitted, "it is not wanted yet").toHaveLength(1);
    await store.setShadows("sales", 2, "running");
    await until("seven jobs to run", async () => (await runningJobs()).length === 7);
    expect(running.master.submitted).toHaveLength(2);
    expect(assignedIn(OWN)).toEqual(["sales.silver 2"]);
    expect(runnerOf(OWN)?.assignments[0]?.spec).toMatchObject({
      ...{ triggerMs: 5_000, limits: { maxFilesPerTrigger: 4 } },
      checkpoint: expect.stringMatching(/checkpoints\/gen=2\/sales\.silver$/),
    });
    expect(assignedIn("sales")).toEqual([
      ...["sales.bronze 1", "sales.dq 1", "sales.dq 2", "sales.gold 1", "sales.gold 2", "sales.silver 1"],
    ]);
    const live = runnerOf("sales")?.assignments.find(({ job }) => job === "sales.silver");
    expect(live?.spec).toMatchObject({ triggerMs: 0, limits: { maxFilesPerTrigger: 64 } });
  });

  it("is told of like a job's own", async () => {
    expect(await get(`/v1/jobs/${OWN}`)).toMatchObject({ application: OWN, spec: { application: "dedicated" } });
    expect(await get("/v1/jobs/sales.gold@2")).toMatchObject({ application: "sales", spec: { application: "sales" } });
    expect(await get(`/v1/applications/${OWN}`)).toMatchObject({
      ...{ name: OWN, dedicated: true, phase: "live", jobs: [OWN] },
      spec: { cores: 1, driverMemory: "600m", executorMemory: "600m" },
    });
  });

  it("hands over to its job, which keeps its spec and its application; then its own ends", async () => {
    await store.setShadows("sales", 2, "stopped");
    await store.setReplaced("sales", 2, "stopped");
    await until("bronze to be alone", async () => runners.flatMap(({ assignments }) => assignments).length === 1);
    expect(runnerOf(OWN)?.shutdown, "it may be wanted again").toBe(false);
    const audit = { actor: "ana", action: "generation.promote", target: "sales", requestId: null, before: 1, after: 2 };
    await store.promote("sales", 2, { keptUntil: new Date(Date.now() + 86_400_000), start: REPLAYED, audit });
    await until("the jobs to run in their generation", async () => (await runningJobs()).length === 4);
    expect(assignedIn("sales")).toEqual(["sales.bronze 1", "sales.dq 2", "sales.gold 2", "sales.silver 2"]);
    const silver = runnerOf("sales")?.assignments.find(({ job }) => job === "sales.silver");
    expect(silver?.spec).toMatchObject({
      ...{ triggerMs: 0, limits: { maxFilesPerTrigger: 64 } },
      checkpoint: expect.stringMatching(/checkpoints\/gen=2\/sales\.silver$/),
    });
    await until("its runner to be gone", async () => runnerOf(OWN)?.gone === true);
    running.master.driverState = "FINISHED";
    await until("its application to be gone", async () => !(await applications()).includes(OWN));
    expect(await applications()).toEqual(["sales"]);
    expect(running.master.submitted, "nothing was submitted again").toHaveLength(2);
  });

  it("is still there with its runs, and where they ran", async () => {
    const [run] = (await get(`/v1/jobs/${OWN}/runs`)).items;
    expect(run).toMatchObject({ application: OWN, endedBy: "request", certificate: { job: "sales.silver" } });
  });
});
