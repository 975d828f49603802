import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAlertStore } from "../../src/adapters/postgres/alerts.ts";
import { createWebhook } from "../../src/adapters/webhook.ts";
import { parseRules } from "../../src/domain/dq/rules-file.ts";
import type { Manifest } from "../../src/domain/manifest.ts";
import { ruleSet } from "../../src/services/dq/rule-set.ts";
import type { Positions } from "../../src/services/positions.ts";
import { createAlarming, createAlerts } from "../../src/wiring/alarming.ts";
import type { Outside } from "../../src/wiring/outside.ts";
import { openTestDatabase, type TestDatabase } from "../fixtures/database.ts";
import { openQualityLake, type QualityLake } from "../fixtures/quality-lake.ts";
import { startWebhookServer, type WebhookServer } from "../fixtures/webhook-server.ts";

const RULES = `
rules:
  - { id: few-bad, kind: domain, description: Bad regions, severity: critical, column: region, allowed: [EU], outcomes: all, threshold: { rate: 0.1, over: 1h } }
`;
const log = pino({ level: "silent" });

let opened: TestDatabase;
let lake: QualityLake;
let hook: WebhookServer;

beforeAll(async () => {
  opened = await openTestDatabase();
  lake = await openQualityLake();
  hook = await startWebhookServer();
}, 60_000);

afterAll(async () => {
  await hook?.close();
  lake?.close();
  await opened?.close();
});

describe("alarming", { timeout: 30_000 }, () => {
  it("tells the webhook of a breached rule and of its end, from one term of deciding to the next", async () => {
    const outside = {
      alertStore: createAlertStore(opened.database),
      webhook: createWebhook(hook.url),
      clock: { now: () => new Date() },
    } as Partial<Outside> as Outside;
    const { alerts, delivery } = createAlerts(outside, log);
    const alarming = createAlarming(outside, {
      manifest: { jobs: { "sales.dq": { kind: "dq" } } } as unknown as Manifest,
      rules: ruleSet(parseRules(RULES)),
      alerts,
      delivery,
      positions: { caughtUp: async () => true } as Partial<Positions> as Positions,
      snapshots: lake.snapshots,
      log,
    });
    await lake.measure({ at: new Date().toISOString(), rules: { "few-bad": [100, 40] } });
    alarming.start();
    await hook.until(1);
    await alarming.stop();
    await lake.measure({ at: new Date().toISOString(), rules: { "few-bad": [900, 0] } });
    alarming.start();
    await hook.until(2);
    await alarming.stop();
    expect(hook.received.map(({ text }) => text)).toEqual([
      "Critical: Data quality: few-bad is breached",
      "Resolved: Data quality: few-bad is breached",
    ]);
    expect(hook.received[0]?.attachments[0]?.text).toBe(
      "Bad regions: 40 of 100 rows (40 %) in the last 1h, more than 10 %",
    );
    expect(hook.received[1]?.attachments[0]?.text).toMatch(/^Bad regions: 40 of 1000 rows \(4 %\)/);
  });
});
