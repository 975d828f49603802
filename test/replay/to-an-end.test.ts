import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RecordChange } from "../../control-plane/src/domain/replay/diff.ts";
import type { Stretch } from "../../producer/src/oracle/expectation.ts";
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
import { position, type ReplayStatus, reconciled, replayIs, rollBackAll } from "../stack/replays.ts";
import type { RestError } from "../stack/rest-client.ts";
import { sendRenewals } from "./renewals.ts";

const stack = sharedStack();
const PATIENCE_MS = 240_000;
const ALIASES = { plan_tier: { gold: "enterprise" } };
const until = (id: string, state: string) => replayIs(stack, id, state, PATIENCE_MS);

let from: Record<string, string>;
let to: Record<string, string>;

beforeAll(async () => {
  await allRunning(stack);
  await produce(stack, { seed: 91, events: 1_000 });
  await allConsumed(stack);
  from = await position(stack);
  // Twice the allowed lateness ago, and a tier that is none.
  await sendRenewals(stack, [
    { id: "late-within", agoMs: 2 * manifest.parameters.allowedLatenessMs },
    { id: "gold-within", plan_tier: "gold" },
    { id: "comes-again", plan_tier: "gold" },
  ]);
  await allConsumed(stack);
  to = await position(stack);
  await sendRenewals(stack, [
    { id: "late-behind", agoMs: 2 * manifest.parameters.allowedLatenessMs },
    { id: "gold-behind", plan_tier: "gold" },
    { id: "comes-again" },
  ]);
  await expectExact(stack);
});

// What other tests read is the generation that they began with.
afterAll(async () => {
  await rollBackAll(stack, PATIENCE_MS);
  await allRunning(stack);
});

// One story: each test goes on where the one before it ended.
describe("a replay of silver whose rules have an end", () => {
  const rules = { allowedLateness: "15s", aliases: ALIASES };
  let replay: ReplayStatus;

  it("is of records that have been read, and of rules that can end there", async () => {
    const refusal = async (body: object) => {
      const asked = stack.rest.post("/v1/replays", { dryRun: "true" }, { job: "sales.silver", ...body });
      return ((await asked.catch((error: unknown) => error)) as RestError).body;
    };
    const beyond = { ...to, "0": "999999999" };
    expect(await refusal({ to: { offsets: beyond }, rules })).toMatchObject({
      errors: [{ field: "body.to.offsets.0" }],
    });
    expect(await refusal({ to: { offsets: to } })).toMatchObject({ errors: [{ field: "body.to" }] });
    const horizon = { rules: { allowedLateness: "1m" } };
    expect(await refusal(horizon)).toMatchObject({ errors: [{ field: "body.rules.dedupHorizon", value: "30s" }] });
  });

  it("changes what lies before the end, and behind it only what that makes a duplicate", async () => {
    const body = { job: "sales.silver", from: { offsets: from }, to: { offsets: to }, rules };
    const plan = await stack.rest.post<ReplayStatus["plan"] & { end: unknown }>(
      "/v1/replays",
      { dryRun: "true" },
      body,
    );
    expect(plan.end).toEqual(to);
    const { id } = await stack.rest.post<ReplayStatus>("/v1/replays", {}, { ...body, planHash: plan.hash });
    replay = await until(id, "diffed");
    const changes = await stack.rest.all<RecordChange>(`/v1/replays/${id}/diff/records`);
    const told = changes.map(({ before, after }) => [after?.event_id, before?.outcome, after?.outcome].join(" "));
    expect(told.toSorted()).toEqual([
      "comes-again accepted duplicate",
      "comes-again invalid accepted",
      "gold-within invalid accepted",
      "late-within late accepted",
    ]);
  });

  it("leaves the live rules for what comes, in a generation whose every figure is the oracle's", async () => {
    await stack.rest.post(`/v1/replays/${replay.id}/promote`);
    await until(replay.id, "promoted");
    await produce(stack, { seed: 92, events: 500 });
    await sendRenewals(stack, [{ id: "gold-later", plan_tier: "gold" }]);
    await allConsumed(stack);
    const bounded: Stretch[] = [{ from, to, rules: { allowedLatenessMs: 15_000, aliases: ALIASES } }];
    expect(await differences(stack, topic, { ...manifest.parameters, bounded })).toEqual([]);
    await reconciled(stack, replay.generation, PATIENCE_MS);
    const { rules: kept } = await stack.rest.get<{ rules: object }>(`/v1/generations/${replay.generation}`);
    expect(kept).toMatchObject({ allowedLateness: "5s", bounded: [{ from, to, rules }] });
    const later = { job: "sales.silver" };
    const plan = await stack.rest.post<{ rules: object; warnings: string[] }>("/v1/replays", { dryRun: "true" }, later);
    expect(plan.rules).toEqual({ planned: kept, changes: [] });
    expect(plan.warnings.join()).toContain("allowedLateness 15s; what `rules` says without an end");
  });

  it("is rolled back, and every figure is by the live rules again", async () => {
    await stack.rest.post(`/v1/replays/${replay.id}/rollback`);
    await until(replay.id, "rolled_back");
    await expectExact(stack);
  });
});
