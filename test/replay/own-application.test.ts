import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { JobSummary } from "../../control-plane/src/services/jobs.ts";
import { allRunning, expectExact, produce, sharedStack } from "../integration/shared-stack.ts";
import { type ReplayStatus, replayIs, rollBackAll } from "../stack/replays.ts";
import { waitFor } from "../stack/wait-for.ts";

const stack = sharedStack();
const PATIENCE_MS = 240_000;
const until = (id: string, state: string) => replayIs(stack, id, state, PATIENCE_MS);

/** Names of the applications that Spark runs drivers of. */
async function running(): Promise<string[]> {
  const { drivers } = await stack.rest.get<{ drivers: { application: string; active: boolean }[] }>("/v1/cluster");
  return drivers.filter(({ active }) => active).map(({ application }) => application);
}

beforeAll(async () => {
  await allRunning(stack);
  await produce(stack, { seed: 95, events: 1_000 });
  await expectExact(stack);
});

// What other tests read is the generation that they began with.
afterAll(async () => {
  await rollBackAll(stack, PATIENCE_MS);
  await allRunning(stack);
});

// One story: each test goes on where the one before it ended.
describe("a replay of gold in a Spark application of its own", () => {
  let replay: ReplayStatus;

  it("runs beside the live application, by limits of its own, and makes the same figures", async () => {
    const own = { application: "dedicated", limits: { maxFilesPerTrigger: 8 } };
    const body = { job: "sales.gold", specs: { "sales.gold": own }, gates: { maxWindowsChanged: 0 } };
    const { id, generation } = await stack.rest.post<ReplayStatus>("/v1/replays", {}, body);
    replay = await until(id, "diffed");
    expect(replay.gates?.filter(({ passed }) => !passed)).toEqual([]);
    const shadow = `sales.gold@${generation}`;
    const { spec } = await stack.rest.get<JobSummary>(`/v1/jobs/${shadow}`);
    expect(spec).toMatchObject({ limits: { maxFilesPerTrigger: 8 } });
    expect((await running()).toSorted()).toEqual(["sales", shadow]);
  });

  it("leaves that with the promotion: the live job goes on where it always ran, by its own spec", async () => {
    const { spec } = await stack.rest.get<JobSummary>("/v1/jobs/sales.gold");
    await stack.rest.post(`/v1/replays/${replay.id}/promote`);
    await until(replay.id, "promoted");
    await produce(stack, { seed: 96, events: 300 });
    await expectExact(stack);
    expect((await stack.rest.get<JobSummary>("/v1/jobs/sales.gold")).spec).toEqual(spec);
    await waitFor<true>(
      async () => {
        const drivers = await running();
        return drivers.join() === "sales" || { pending: drivers };
      },
      { timeout: PATIENCE_MS, what: "the shadow's application to end" },
    );
  });
});
