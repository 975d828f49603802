import { pino } from "pino";
import { afterEach, expect, it } from "vitest";
import { connectDocker } from "../../../src/adapters/docker/engine.ts";
import { createContainerProcesses } from "../../../src/adapters/docker/processes.ts";
import { type ScriptedContainer, type ScriptedEngine, startDockerEngine } from "../../fixtures/docker-engine.ts";

const LAUNCH = "41d02ee3-2c9b-4b22-82cb-0ec5b8dc49c4";
const driver = (launch: string) => `python3 main.py --application sales --launch ${launch} --token-file /run/token`;

let engine: ScriptedEngine;
let now = new Date("2026-11-26T02:00:00Z");

afterEach(() => engine.close());

async function processesIn(...containers: Partial<ScriptedContainer>[]) {
  engine = await startDockerEngine(
    containers.map((container, index) => ({
      id: String(index).repeat(64),
      project: "shop",
      service: "spark-worker",
      number: index + 1,
      state: "running",
      ...container,
    })),
  );
  const docker = connectDocker({ url: engine.url, project: "shop" });
  return createContainerProcesses(docker, { now: () => now }, pino({ level: "silent" }));
}

it("finds a driver in whichever container it runs, by its launch and no part of it", async () => {
  const processes = await processesIn({ processes: [["1", "tini"]] }, { processes: [["77", driver(LAUNCH)]] });
  expect(await processes.ofLaunch(LAUNCH)).toEqual([{ role: "driver", pid: 77, startTicks: null }]);
  expect(await processes.ofLaunch(LAUNCH.slice(0, -1))).toEqual([]);
});

it("takes a driver for gone once no container holds it: with a container all its processes end", async () => {
  const processes = await processesIn({ state: "exited", exitCode: 137 }, { processes: [["1", "tini"]] });
  expect(await processes.ofLaunch(LAUNCH)).toEqual([]);
});

it.each(["restarting", "a state of a later engine"])("says nothing while a container is %s", async (state) => {
  const processes = await processesIn({ state }, { processes: [["1", "tini"]] });
  expect(await processes.ofLaunch(LAUNCH)).toBeUndefined();
});

it("says nothing where a container cannot be asked, or the engine is away", async () => {
  const processes = await processesIn({ state: "paused" });
  expect(await processes.ofLaunch(LAUNCH)).toBeUndefined();
  await engine.close();
  expect(await processes.ofLaunch(LAUNCH)).toBeUndefined();
});

it("does not look into containers of another project", async () => {
  const processes = await processesIn({ project: "other", processes: [["77", driver(LAUNCH)]] });
  expect(await processes.ofLaunch(LAUNCH)).toEqual([]);
});

it("leaves killing to the worker, and restarts its container when that does not help", async () => {
  const processes = await processesIn({ processes: [["77", driver(LAUNCH)]] });
  const [found] = (await processes.ofLaunch(LAUNCH)) ?? [];
  if (found === undefined) throw new Error("not found");
  processes.kill(found);
  now = new Date(now.getTime() + 19_999);
  processes.kill(found);
  expect(engine.changes).toEqual([]);
  now = new Date(now.getTime() + 1);
  processes.kill(found);
  await expect.poll(() => engine.changes).toEqual(["spark-worker restart"]);
});
