import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { liveGenerations, type ReplayStatus, replayIs } from "../stack/replays.ts";
import { RestError } from "../stack/rest-client.ts";
import { WindowClient } from "../stack/window-client.ts";
import { allRunning, expectExact, jobs, produce, sharedStack } from "./shared-stack.ts";

const stack = sharedStack();

const PATIENCE_MS = 240_000;

const until = (id: string, state: string) => replayIs(stack, id, state, PATIENCE_MS);
const live = () => liveGenerations(stack);

let first: number;
let replay: ReplayStatus;

beforeAll(async () => {
  await allRunning(stack);
  await produce(stack, { seed: 75, events: 2_000 });
  await expectExact(stack);
  [first = 0] = await live();
});

// What other tests read is the generation that they began with.
afterAll(async () => {
  const { items } = await stack.rest.get<{ items: ReplayStatus[] }>("/v1/replays", { limit: 1 });
  const newest = items[0];
  if (newest?.state === "promoted") {
    await stack.rest.post(`/v1/replays/${newest.id}/rollback`);
    await until(newest.id, "rolled_back");
  }
  await allRunning(stack);
});

// One story: each test goes on where the one before it ended.
describe("a replay of silver from the beginning, while events flow", () => {
  it("begins by a plan that was seen, and by no other", async () => {
    const body = { job: "sales.silver", gates: { maxWindowsChanged: 0, maxRecordsChanged: 0 } };
    const plan = await stack.rest.post<ReplayStatus["plan"]>("/v1/replays", { dryRun: "true" }, body);
    const refused = await stack.rest
      .post("/v1/replays", {}, { ...body, planHash: "0".repeat(32) })
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RestError);
    expect((refused as RestError).status).toBe(412);
    replay = await stack.rest.post<ReplayStatus>("/v1/replays", {}, { ...body, planHash: plan.hash });
    expect(replay).toMatchObject({ state: "planned", parent: first });
    const other = await stack.rest.post("/v1/jobs/sales.gold/replay").catch((error: unknown) => error);
    expect((other as RestError).body).toMatchObject({
      code: "replay_running",
      detail: expect.stringContaining(replay.id),
    });
  });

  it("changes nothing: the diff is empty, and every figure of the promoted generation is the oracle's", async () => {
    const client = new WindowClient(stack);
    await produce(stack, { seed: 76, events: 1_000, rate: 100 });
    const diffed = await until(replay.id, "diffed");
    expect(diffed.gates?.filter(({ passed }) => !passed)).toEqual([]);
    expect(await live()).toEqual([first]);
    const more = produce(stack, { seed: 77, events: 1_500, rate: 100 });
    await stack.rest.post(`/v1/replays/${replay.id}/promote`);
    await until(replay.id, "promoted");
    await more;
    const { answers, generations, complaints } = await client.stop();
    expect([...complaints]).toEqual([]);
    expect([...generations]).toEqual([first, replay.generation]);
    expect(answers).toBeGreaterThan(50);
    expect(await live()).toEqual([replay.generation]);
    await expectExact(stack);
  });

  it("leaves certificates and operations of the drained jobs, and an audit entry", async () => {
    const { items } = await stack.rest.get<{ items: { job: string; certificate: unknown }[] }>("/v1/operations", {
      job: "sales.silver",
      state: "succeeded",
      limit: 10,
    });
    expect(items.some(({ certificate }) => certificate !== null)).toBe(true);
    const audit = await stack.rest.get<{ items: { after: { replay: string } }[] }>("/v1/audit/log", {
      action: "generation.promote",
      limit: 1,
    });
    expect(audit.items[0]?.after.replay).toBe(replay.id);
  });

  it("is rolled back, and promoted again, without a request that fails or a figure that is wrong", async () => {
    const client = new WindowClient(stack);
    await stack.rest.post(`/v1/replays/${replay.id}/rollback`);
    await until(replay.id, "rolled_back");
    expect(await live()).toEqual([first]);
    await produce(stack, { seed: 78, events: 500 });
    await expectExact(stack);
    await stack.rest.post(`/v1/replays/${replay.id}/promote`);
    await until(replay.id, "promoted");
    await expectExact(stack);
    expect([...(await client.stop()).complaints]).toEqual([]);
    expect(await live()).toEqual([replay.generation]);
    for (const job of jobs) {
      const { state } = await stack.rest.get<{ state: string }>(`/v1/jobs/${job}`);
      expect({ job, state }).toEqual({ job, state: "RUNNING" });
    }
  });
});
