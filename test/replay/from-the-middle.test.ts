import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RecordChange } from "../../control-plane/src/domain/replay/diff.ts";
import { allConsumed, allRunning, expectExact, produce, sharedStack } from "../integration/shared-stack.ts";
import { liveGenerations, position, type ReplayStatus, reconciled, replayIs, rollBackAll } from "../stack/replays.ts";
import type { RestError } from "../stack/rest-client.ts";
import { waitFor } from "../stack/wait-for.ts";
import { sendRenewals } from "./renewals.ts";

const stack = sharedStack();
const PATIENCE_MS = 240_000;
const until = (id: string, state: string) => replayIs(stack, id, state, PATIENCE_MS);

let first: number;
let middle: Record<string, string>;

beforeAll(async () => {
  await allRunning(stack);
  await produce(stack, { seed: 85, events: 1_500 });
  await expectExact(stack);
  middle = await position(stack);
  await produce(stack, { seed: 86, events: 1_000 });
  await expectExact(stack);
  [first = 0] = await liveGenerations(stack);
});

// What other tests read is the generation that they began with.
afterAll(async () => {
  await rollBackAll(stack, PATIENCE_MS);
  await allRunning(stack);
});

// One story: each test goes on where the one before it ended.
describe("a replay of silver from the middle", () => {
  let replay: ReplayStatus;

  it("begins where no batch ended, and takes over what lies before", async () => {
    // A record that is let in, before the cut.
    const { items } = await stack.rest.get<{ items: { topic: string; partition: number; offset: string }[] }>(
      "/v1/quarantine",
      { outcome: "late", limit: 1 },
    );
    const [late] = items;
    if (late === undefined) throw new Error("no record was late");
    const { topic: of, partition, offset } = late;
    const { number } = await stack.rest.post<{ number: number }>(
      "/v1/overrides",
      {},
      { topic: of, partition, offset, reason: "an integration test" },
    );
    await waitFor(
      async () => {
        const { state } = await stack.rest.get<{ state: string }>(`/v1/overrides/${number}`);
        return state === "pending" ? { pending: state } : state;
      },
      { timeout: PATIENCE_MS, what: `override ${number} to be settled` },
    );
    const cut = Object.fromEntries(
      Object.entries(middle).map(([number, at]) => [number, String(BigInt(at) - BigInt(number) - 7n)]),
    );
    const body = { job: "sales.silver", from: { offsets: cut }, gates: { maxWindowsChanged: 0, maxRecordsChanged: 0 } };
    const plan = await stack.rest.post<ReplayStatus["plan"] & { start: unknown }>(
      "/v1/replays",
      { dryRun: "true" },
      body,
    );
    expect(plan.start).toEqual(cut);
    expect(plan.warnings.join()).toContain("are taken over as generation");
    const beyond = { ...body, from: { offsets: { ...cut, "0": "999999999" } } };
    const refused = await stack.rest.post("/v1/replays", { dryRun: "true" }, beyond).catch((error: unknown) => error);
    expect((refused as RestError).body).toMatchObject({ code: "invalid_request" });
    replay = await stack.rest.post<ReplayStatus>("/v1/replays", {}, { ...body, planHash: plan.hash });
  });

  it("changes nothing by the same rules, though events keep coming, and holds in every line of the reconciliation", async () => {
    await produce(stack, { seed: 87, events: 500, rate: 100 });
    const diffed = await until(replay.id, "diffed");
    expect(diffed.gates?.filter(({ passed }) => !passed)).toEqual([]);
    await stack.rest.post(`/v1/replays/${replay.id}/promote`);
    await until(replay.id, "promoted");
    expect(await liveGenerations(stack)).toEqual([replay.generation]);
    await produce(stack, { seed: 88, events: 500 });
    await expectExact(stack);
    await reconciled(stack, replay.generation, PATIENCE_MS);
    const generation = await stack.rest.get<{ inherits: string }>(`/v1/generations/${replay.generation}`);
    expect(generation.inherits).toBe(`gen=${first}/silver.sales_events`);
  });

  it("is rolled back, and every figure is right", async () => {
    await stack.rest.post(`/v1/replays/${replay.id}/rollback`);
    await until(replay.id, "rolled_back");
    await expectExact(stack);
    await reconciled(stack, first, PATIENCE_MS);
  });

  it("lets a corrected rule apply from the cut on, and nowhere before", async () => {
    await sendRenewals(stack, [{ id: "gold-before", plan_tier: "gold" }]);
    await allConsumed(stack);
    const cut = await position(stack);
    // By now one that had happened with the first would be too late.
    await sendRenewals(stack, [{ id: "gold-after", plan_tier: "gold" }]);
    await expectExact(stack);
    const rules = { aliases: { plan_tier: { gold: "enterprise" } } };
    const body = { job: "sales.silver", from: { offsets: cut }, rules, gates: { maxRecordsChanged: 1 } };
    const { id } = await stack.rest.post<ReplayStatus>("/v1/replays", {}, body);
    await until(id, "diffed");
    const changes = await stack.rest.all<RecordChange>(`/v1/replays/${id}/diff/records`);
    expect(changes.map(({ before, after }) => [before?.outcome, after?.outcome, after?.event_id])).toEqual([
      ["invalid", "accepted", "gold-after"],
    ]);
    await stack.rest.post(`/v1/replays/${id}/cancel`);
    await until(id, "cancelled");
  });
});
