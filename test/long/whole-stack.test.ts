import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { lockHolder } from "../../infra/local/bootstrap/lock.mjs";
import { stackProcesses } from "../../infra/local/src/leftovers.ts";
import { signal } from "../../infra/local/src/processes.ts";
import { allRunning, expectExact, produce, sharedStack } from "../integration/shared-stack.ts";
import { anyAlive } from "../stack/spark-driver.ts";
import { waitFor } from "../stack/wait-for.ts";

const stack = sharedStack();

// That the driver alone dies is tried on nastier traffic: `npm run smoke -- --kills`, and `npm run test:faults`.
describe("kill -9", () => {
  beforeAll(async () => {
    await allRunning(stack);
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
