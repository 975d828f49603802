import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { lockHolder } from "../../infra/local/bootstrap/lock.mjs";
import { stackProcesses } from "../../infra/local/src/leftovers.ts";
import { signal } from "../../infra/local/src/processes.ts";
import type { JobStatus } from "../stack/resources.ts";
import { anyAlive, killDrivers } from "../stack/spark-driver.ts";
import { waitFor } from "../stack/wait-for.ts";
import { allRunning, expectExact, produce, sharedStack } from "./shared-stack.ts";

const stack = sharedStack();

async function epochs(): Promise<Record<string, number>> {
  const { items } = await stack.rest.get<{ items: JobStatus[] }>("/v1/jobs");
  return Object.fromEntries(items.map(({ id, epoch }) => [id, epoch]));
}

describe("kill -9", () => {
  beforeAll(async () => {
    await allRunning(stack);
  });

  it("of the Spark application in the middle of the events: every job starts again and no figure changes", async () => {
    const before = await epochs();
    const producing = produce(stack, { seed: 31, events: 3000, rate: 400 });
    const killed = killDrivers(stack.stateDir);
    await waitFor(async () => (anyAlive(killed) ? { pending: "alive" } : true), {
      timeout: 10_000,
      what: "the driver to be gone",
    });
    await producing;
    await waitFor(
      async () => {
        const now = await epochs();
        return Object.keys(before).every((job) => (now[job] ?? 0) > (before[job] ?? 0)) || { pending: now };
      },
      { timeout: 60_000, what: "a new run of every job" },
    );
    await allRunning(stack);
    await expectExact(stack);
  });

  it("of the whole stack: it continues where it was", async () => {
    await produce(stack, { seed: 32, events: 3000 });
    // The supervisor first, or it would start again what dies.
    const supervisor = lockHolder(join(stack.stateDir, "run", "supervisor.lock"));
    process.kill(supervisor?.pid ?? Number.NaN, "SIGKILL");
    const victims = stackProcesses(stack.stateDir);
    expect(victims.length).toBeGreaterThan(6);
    for (const victim of victims) signal(victim, "SIGKILL");
    await waitFor(async () => (anyAlive(victims) ? { pending: "alive" } : true), {
      timeout: 10_000,
      what: "every process to be gone",
    });
    await stack.up();
    await allRunning(stack);
    await produce(stack, { seed: 33, events: 1000 });
    await expectExact(stack);
  });
});
