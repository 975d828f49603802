import { describe, expect, it, onTestFinished } from "vitest";
import { parseRules } from "../../../src/domain/dq/rules-file.ts";
import { ruleSet } from "../../../src/services/dq/rule-set.ts";
import { RuleJudge } from "../../../src/services/dq/rule-states.ts";
import { openQualityLake } from "../../fixtures/quality-lake.ts";

const RULES = `
rules:
  - { id: few-bad, kind: domain, description: Bad, severity: warning, column: region, allowed: [EU], outcomes: all, threshold: { rate: 0.1, over: 10m, leastRows: 50 } }
  - { id: none-bad, kind: domain, description: Bad, severity: critical, column: region, allowed: [EU], outcomes: all, threshold: { count: 2, over: 1h } }
  - { id: volume, kind: volume, description: Odd, severity: warning, outcomes: [accepted, duplicate], interval: 10m, baseline: 1h, leastRatio: 0.5, mostRatio: 2 }
  - { id: fresh, kind: freshness, description: Old, severity: critical, maxAge: 5m }
`;

async function open({ caughtUp = true as boolean | null, now = "2026-11-21T02:00:00Z", hasRules = true } = {}) {
  const lake = await openQualityLake(hasRules);
  onTestFinished(() => lake.close());
  const judge = new RuleJudge({
    set: ruleSet(parseRules(RULES)),
    snapshots: lake.snapshots,
    caughtUp: async () => caughtUp,
    clock: { now: () => new Date(now) },
  });
  const states = async () => {
    const { states: all, measured } = await judge.present();
    return {
      measured,
      ...Object.fromEntries(all.map(({ rule, verdict, detail }) => [rule.id, `${verdict}: ${detail}`])),
    };
  };
  return { lake, states };
}

/** @param minutes before 02:00 */
const ago = (minutes: number) => new Date(Date.parse("2026-11-21T02:00:00Z") - minutes * 60_000).toISOString();

describe("the state of a rule", () => {
  it("is unknown while nothing is measured", async () => {
    const { states } = await open({ caughtUp: null });
    expect(await states()).toEqual({
      measured: null,
      "few-bad": "unknown: no row was looked at in the last 10m",
      "none-bad": "unknown: no row was looked at in the last 1h",
      volume: "unknown: nothing is measured yet",
      fresh: "unknown: how far the measuring has come cannot be told",
    });
  });

  it("follows from all batches of the rule's time, and from none before it", async () => {
    const { lake, states } = await open();
    await lake.measure({ at: ago(70), rules: { "few-bad": [100, 100], "none-bad": [100, 100] } });
    await lake.measure({ at: ago(20), rules: { "few-bad": [100, 100], "none-bad": [100, 1] } });
    await lake.measure({ at: ago(9), rules: { "few-bad": [60, 4], "none-bad": [60, 1] } });
    await lake.measure({ at: ago(1), rules: { "few-bad": [40, 6], "none-bad": [40, 0] }, revision: "abc" });
    expect(await states()).toMatchObject({
      measured: { batchId: "3", at: "2026-11-21T01:59:00Z", revision: "abc" },
      "few-bad": "ok: 10 of 100 rows (10 %) in the last 10m, at most 10 %",
      "none-bad": "ok: 2 of 200 rows (1 %) in the last 1h, at most 2",
    });
    await lake.measure({ at: ago(0.5), rules: { "few-bad": [1, 1], "none-bad": [1, 1] } });
    expect(await states()).toMatchObject({
      "few-bad": "breached: 11 of 101 rows (10.9 %) in the last 10m, more than 10 %",
      "none-bad": "breached: 3 of 201 rows (1.49 %) in the last 1h, more than 2",
    });
  });

  it("is unknown where a rate has too few rows to say something", async () => {
    const { lake, states } = await open();
    await lake.measure({ at: ago(1), rules: { "few-bad": [49, 49] } });
    expect(await states()).toMatchObject({
      "few-bad": "unknown: 49 of 49 rows (100 %) in the last 10m, fewer rows than the 50 that a rate needs",
    });
  });

  it("is unknown for batches of a release without rules", async () => {
    const { lake, states } = await open({ hasRules: false });
    await lake.measure({ at: ago(1), accepted: 100 });
    expect(await states()).toMatchObject({
      measured: { batchId: "0", revision: null },
      "few-bad": "unknown: no row was looked at in the last 10m",
    });
  });
});

describe("the volume", () => {
  it.each([
    [100, "ok: 100 rows in 10m, 1.00 of the average of the 1h before (100.0)"],
    [49, "breached: 49 rows in 10m, 0.49 of the average of the 1h before (100.0), less than 0.5"],
    [201, "breached: 201 rows in 10m, 2.01 of the average of the 1h before (100.0), more than 2"],
    [0, "breached: 0 rows in 10m, 0.00 of the average of the 1h before (100.0), less than 0.5"],
  ])("of %i rows is compared with the average before", async (rows, expected) => {
    const { lake, states } = await open();
    await lake.measure({ at: ago(80), accepted: 7_000 });
    await lake.measure({ at: ago(60), accepted: 250, duplicates: 50 });
    await lake.measure({ at: ago(15), accepted: 300 });
    if (rows > 0) await lake.measure({ at: ago(5), accepted: rows });
    expect(await states()).toMatchObject({ volume: expected });
  });

  it("is not judged before the time that it is compared with was measured", async () => {
    const { lake, states } = await open();
    await lake.measure({ at: ago(60), accepted: 300 });
    await lake.measure({ at: ago(5), accepted: 1 });
    expect(await states()).toMatchObject({ volume: "unknown: 1 rows in 10m; the 1h before are not measured yet" });
  });

  it("counts only up to where the measuring has come", async () => {
    const { lake, states } = await open({ caughtUp: false });
    await lake.measure({ at: ago(100), accepted: 100 });
    await lake.measure({ at: ago(60), accepted: 600 });
    await lake.measure({ at: ago(30), accepted: 100 });
    expect(await states()).toMatchObject({ volume: expect.stringMatching(/^ok: 100 rows/) });
  });
});

describe("the freshness", () => {
  it.each([
    [true, "ok: everything is measured, at most 5m"],
    [false, "breached: measured up to 360.0 s ago, more than 5m"],
    [null, "unknown: how far the measuring has come cannot be told"],
  ])(
    "minds an old low watermark only while there is something to measure: caught up is %s",
    async (caughtUp, expected) => {
      const { lake, states } = await open({ caughtUp });
      await lake.measure({ at: ago(0), lowWatermark: ago(6), accepted: 1 });
      expect(await states()).toMatchObject({ fresh: expected });
    },
  );
});
