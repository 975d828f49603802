import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createAlertStore } from "../../../src/adapters/postgres/alerts.ts";
import { parseRules } from "../../../src/domain/dq/rules-file.ts";
import { Alerts } from "../../../src/services/alerts.ts";
import { ruleSet } from "../../../src/services/dq/rule-set.ts";
import { RuleJudge } from "../../../src/services/dq/rule-states.ts";
import { RuleWatch } from "../../../src/services/dq/rule-watch.ts";
import { openTestDatabase, type TestDatabase } from "../../fixtures/database.ts";
import { openQualityLake } from "../../fixtures/quality-lake.ts";

const RULES = `
rules:
  - { id: few-bad, kind: domain, description: Bad regions, severity: warning, column: region, allowed: [EU], outcomes: all, threshold: { rate: 0.1, over: 10m } }
`;

let opened: TestDatabase;

beforeAll(async () => {
  opened = await openTestDatabase();
}, 60_000);

afterAll(async () => {
  await opened?.close();
});

async function open() {
  const lake = await openQualityLake();
  onTestFinished(() => lake.close());
  const alerts = new Alerts({ store: createAlertStore(opened.database), notifies: false, onMessage: () => undefined });
  let now = new Date("2026-11-21T00:00:00Z");
  const watchOf = (rules: string) =>
    new RuleWatch({
      judge: new RuleJudge({
        set: ruleSet(parseRules(rules)),
        snapshots: lake.snapshots,
        caughtUp: async () => true,
        clock: { now: () => now },
      }),
      alerts,
      job: "sales.dq",
      log: pino({ level: "silent" }),
    });
  const at = (time: string) => {
    now = new Date(`2026-11-21T${time}Z`);
    return now.toISOString();
  };
  return { lake, alerts, watch: watchOf(RULES), watchOf, at };
}

describe("the watch over the rules", () => {
  it("alarms once while a rule is breached, keeps at it while nothing is measured, and says when it is over", async () => {
    const { lake, alerts, watch, at } = await open();
    await lake.measure({ at: at("00:00:00"), rules: { "few-bad": [100, 1] } });
    await watch.observe();
    expect((await alerts.list({ limit: 10 })).items).toEqual([]);

    await lake.measure({ at: at("00:01:00"), rules: { "few-bad": [100, 40] } });
    await watch.observe();
    at("00:05:00");
    await watch.observe();
    // Nobody has looked at a row for the whole of the rule's time: that is no recovery.
    at("00:30:00");
    await watch.observe();
    const { items } = await alerts.list({ limit: 10 });
    expect(items).toMatchObject([
      {
        key: "dq.rule:few-bad",
        severity: "warning",
        title: "Data quality: few-bad is breached",
        detail: "Bad regions: 41 of 200 rows (20.5 %) in the last 10m, more than 10 %",
        subjects: ["sales.dq", "few-bad"],
        resolvedAt: null,
      },
    ]);

    await lake.measure({ at: at("00:31:00"), rules: { "few-bad": [100, 0] } });
    await watch.observe();
    const [after] = (await alerts.list({ limit: 10 })).items;
    expect(after?.resolvedAt).not.toBeNull();
    expect(after?.resolution).toBe("Bad regions: 0 of 100 rows (0 %) in the last 10m, at most 10 %");
  });

  it("ends the alert of a rule that is not declared any more, and leaves those of others alone", async () => {
    const { lake, alerts, watch, watchOf, at } = await open();
    const other = { severity: "info" as const, title: "t", detail: "d", subjects: [], failing: true };
    await alerts.observe({ ...other, key: "something.else" });
    await lake.measure({ at: at("00:01:00"), rules: { "few-bad": [100, 40] } });
    await watch.observe();
    await watchOf("rules: []").observe();
    const { items } = await alerts.list({ limit: 10, state: "firing" });
    expect(items.map(({ key }) => key)).toEqual(["something.else"]);
    expect((await alerts.list({ limit: 1 })).items[0]?.resolution).toBe("The rule is not declared any more");
  });
});
