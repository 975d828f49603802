import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { WindowChange } from "../../control-plane/src/domain/replay/diff.ts";
import { expectTopic } from "../../producer/src/oracle/expect-topic.ts";
import type { AppliedOverride } from "../../producer/src/oracle/expectation.ts";
import {
  allConsumed,
  allRunning,
  expectExact,
  manifest,
  produce,
  sharedStack,
  topic,
} from "../integration/shared-stack.ts";
import { differences } from "../stack/exact.ts";
import { liveGenerations, type ReplayStatus, replayIs, rollBackAll } from "../stack/replays.ts";
import { RestError } from "../stack/rest-client.ts";
import { WindowClient } from "../stack/window-client.ts";
import { sendRenewals } from "./renewals.ts";

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
  await rollBackAll(stack, PATIENCE_MS);
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
    await allRunning(stack);
  });
});

describe("a corrected rule", () => {
  const ALIASES = { plan_tier: { gold: "enterprise" } };
  const corrected = { ...manifest.parameters, aliases: ALIASES };
  let fixed: ReplayStatus;

  /** What the oracle says of every window, by its key. */
  async function windowsBy(rules: typeof corrected | typeof manifest.parameters) {
    const source = { brokers: stack.brokers, registry: stack.registryUrl, topic };
    const overrides = await stack.rest.all<AppliedOverride>("/v1/overrides", { state: "applied" });
    const { windows } = await expectTopic(source, rules, overrides);
    return new Map(windows.map((it) => [[it.window_start, it.plan_tier, it.region, it.currency].join(), it]));
  }

  const figure = (window: { revenue: string; event_count: number | string } | undefined) =>
    window === undefined ? null : { revenue: window.revenue, event_count: String(window.event_count) };

  const exactBy = async (rules: typeof corrected) => {
    await allConsumed(stack);
    expect(await differences(stack, topic, rules)).toEqual([]);
  };

  it("changes exactly the windows that the oracle says, and waits for somebody who says that this is right", async () => {
    await sendRenewals(stack, [
      { id: "gold-1", plan_tier: "gold" },
      { id: "gold-2", plan_tier: " Gold " },
      { id: "iron-1", plan_tier: "iron" },
    ]);
    await expectExact(stack);
    const body = { job: "sales.silver", rules: { aliases: ALIASES }, gates: { maxWindowsChanged: 0 } };
    const begun = await stack.rest.post<ReplayStatus>("/v1/replays", {}, body);
    fixed = await until(begun.id, "diffed");
    const [before, after] = [await windowsBy(manifest.parameters), await windowsBy(corrected)];
    const expected = [...after]
      .filter(([key, window]) => JSON.stringify(figure(window)) !== JSON.stringify(figure(before.get(key))))
      .map(([key, window]) => ({ key, before: figure(before.get(key)), after: figure(window) }));
    expect(expected.length).toBeGreaterThan(0);
    const changes = await stack.rest.all<WindowChange>(`/v1/replays/${fixed.id}/diff/windows`);
    const found = changes.map((it) => ({
      key: [it.window_start, it.plan_tier, it.region, it.currency].join(),
      before: it.before,
      after: it.after,
    }));
    expect(found.toSorted(byKey)).toEqual(expected.toSorted(byKey));
    const refused = await stack.rest.post(`/v1/replays/${fixed.id}/promote`).catch((error: unknown) => error);
    expect((refused as RestError).body).toMatchObject({ code: "gates_failed" });
  });

  it("is promoted with a reason, rolled back, and promoted again: each time all figures are by the rules of what is live", async () => {
    const overrideGates = { reason: "tier gold means enterprise" };
    await stack.rest.post(`/v1/replays/${fixed.id}/promote`, {}, { overrideGates });
    await until(fixed.id, "promoted");
    await exactBy(corrected);
    await stack.rest.post(`/v1/replays/${fixed.id}/rollback`);
    await until(fixed.id, "rolled_back");
    await expectExact(stack);
    await stack.rest.post(`/v1/replays/${fixed.id}/promote`, {}, { overrideGates });
    await until(fixed.id, "promoted");
    await exactBy(corrected);
  });
});

function byKey(one: { key: string }, other: { key: string }): number {
  return one.key < other.key ? -1 : 1;
}
