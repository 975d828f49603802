import { afterEach, expect, it } from "vitest";
import { connectDocker } from "../../../src/adapters/docker/engine.ts";
import { createDockerRuntime } from "../../../src/adapters/docker/runtime.ts";
import { type ScriptedContainer, type ScriptedEngine, startDockerEngine } from "../../fixtures/docker-engine.ts";

let engine: ScriptedEngine;

afterEach(() => engine.close());

async function runtimeOf(...containers: Partial<ScriptedContainer>[]) {
  engine = await startDockerEngine(
    containers.map((container, index) => ({
      id: String(index).repeat(64),
      project: "shop",
      service: "kafka",
      state: "running",
      ...container,
    })),
  );
  return createDockerRuntime(connectDocker({ url: engine.url, project: "shop" }));
}

it("lists the containers of its project by name, and no other", async () => {
  const runtime = await runtimeOf(
    { service: "spark-worker", number: 2, health: "starting" },
    { service: "spark-worker", health: "healthy" },
    { project: "other" },
    { service: "kafka", state: "exited", exitCode: 137 },
    { service: "secrets", state: "exited" },
  );
  const startedAt = new Date("2026-11-26T01:00:00Z");
  expect(await runtime.list()).toMatchObject([
    { name: "kafka", state: "failed", reason: "it ended with exit code 137", startedAt: null },
    { name: "secrets", state: "stopped", reason: null, health: null },
    {
      name: "spark-worker",
      state: "running",
      health: "healthy",
      restarts: 2,
      image: "penstock/spark-worker",
      startedAt,
    },
    { name: "spark-worker-2", state: "starting", health: "starting" },
  ]);
});

it("tells the share of one core, and memory without what is only cached", async () => {
  const runtime = await runtimeOf({});
  expect(await runtime.stats("kafka")).toEqual({
    cpuPercent: 25,
    memoryBytes: 200_000_000,
    memoryLimitBytes: 512_000_000,
  });
});

it("shows what a container printed, line by line", async () => {
  const runtime = await runtimeOf({ printed: "first\nsecond, with ö\n" });
  expect(await runtime.logs("kafka", 10)).toEqual(["first", "second, with ö"]);
});

it("does nothing where there is nothing to do", async () => {
  const runtime = await runtimeOf({});
  await runtime.start("kafka");
  await runtime.restart("kafka");
  expect(engine.changes).toEqual(["kafka start", "kafka restart"]);
});

it.each(["../kafka", "kafka/..", "other", ""])("touches nothing by a name that it does not list: %j", async (name) => {
  const runtime = await runtimeOf({}, { project: "other", service: "other" });
  await expect(runtime.stop(name)).rejects.toMatchObject({ details: { code: "dependency_unavailable" } });
  expect(engine.changes).toEqual([]);
});
