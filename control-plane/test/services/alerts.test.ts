import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createAlertStore } from "../../src/adapters/postgres/alerts.ts";
import { createJournal } from "../../src/adapters/postgres/journal.ts";
import { createWebhook } from "../../src/adapters/webhook.ts";
import { AlertDelivery } from "../../src/services/alert-delivery.ts";
import { type AlertStore, Alerts, type Observation } from "../../src/services/alerts.ts";
import { openTestDatabase, type TestDatabase } from "../fixtures/database.ts";
import { startWebhookServer, type WebhookServer } from "../fixtures/webhook-server.ts";

const TIMES = { lookMs: 50, firstRetryMs: 10, longestRetryMs: 40, giveUpMs: 86_400_000, graceMs: 50 };
const lines: string[] = [];
const log = pino({ level: "debug" }, { write: (line: string) => lines.push(line) });
const clock = { now: () => new Date() };

let opened: TestDatabase;
let store: AlertStore;
let hook: WebhookServer;
let delivery: AlertDelivery;
let alerts: Alerts;

beforeAll(async () => {
  opened = await openTestDatabase();
  store = createAlertStore(opened.database);
}, 60_000);

afterAll(async () => {
  await opened?.close();
});

beforeEach(async () => {
  await opened.database.query("TRUNCATE alerts, alert_messages, events");
  lines.length = 0;
  hook = await startWebhookServer();
  return async () => {
    await delivery?.stop();
    await hook.close();
  };
});

function wire(times = TIMES, timeoutMs = 200): void {
  delivery = new AlertDelivery({ store, webhook: createWebhook(hook.url, timeoutMs), clock, log, times });
  alerts = new Alerts({ store, notifies: true, onMessage: delivery.poke });
}

const breach = (change: Partial<Observation> = {}): Observation => ({
  key: "dq.rule:amount-range",
  severity: "warning",
  title: "amount-range is breached",
  detail: "3 %, more than 1 %",
  subjects: ["sales.dq"],
  failing: true,
  ...change,
});

const events = async () =>
  (await createJournal(opened.database).after(0n, { types: [], subjects: [] }, 100)).events.map(
    ({ type, data }) => `${type} ${data.key}`,
  );

const texts = () => hook.received.map(({ text }) => text);

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 1_000; attempt += 1) {
    if (await holds()) return;
    await delay(10);
  }
  throw new Error(`did not happen: ${holds}`);
}

const allTaken = () => until(async () => (await store.outbox()).waiting === 0);

describe("an alert", { timeout: 30_000 }, () => {
  it("fires once however often it is seen failing, recovers once, and then may fire again", async () => {
    wire();
    delivery.start();
    await alerts.observe(breach({ failing: false }));
    await alerts.observe(breach());
    await alerts.observe(breach({ detail: "4 %, more than 1 %" }));
    await hook.until(1);
    await alerts.observe(breach({ failing: false, detail: "0 %, at most 1 %" }));
    await alerts.observe(breach({ failing: false }));
    await alerts.observe(breach());
    await hook.until(3);
    await allTaken();
    expect(texts()).toEqual([
      "Warning: amount-range is breached",
      "Resolved: amount-range is breached",
      "Warning: amount-range is breached",
    ]);
    expect(hook.received[1]?.attachments[0]?.text).toBe("0 %, at most 1 %");
    expect(await events()).toEqual([
      "alert.fired dq.rule:amount-range",
      "alert.resolved dq.rule:amount-range",
      "alert.fired dq.rule:amount-range",
    ]);
    const { items } = await alerts.list({ limit: 10 });
    expect(items.map(({ detail, resolution, resolvedAt }) => [detail, resolution, resolvedAt !== null])).toEqual([
      ["3 %, more than 1 %", null, false],
      ["4 %, more than 1 %", "0 %, at most 1 %", true],
    ]);
  });

  it("fires once also when many see it begin at the same moment", async () => {
    wire();
    await Promise.all(Array.from({ length: 12 }, () => alerts.observe(breach())));
    expect(await events()).toEqual(["alert.fired dq.rule:amount-range"]);
    expect((await store.outbox()).waiting).toBe(1);
    await Promise.all(Array.from({ length: 12 }, () => alerts.observe(breach({ failing: false }))));
    expect(await events()).toHaveLength(2);
  });

  it("says so when it gets worse, and not when it gets better", async () => {
    wire();
    delivery.start();
    await alerts.observe(breach({ severity: "info" }));
    await alerts.observe(breach({ severity: "critical" }));
    await alerts.observe(breach({ severity: "warning" }));
    await hook.until(2);
    await allTaken();
    expect(texts()).toEqual(["Info: amount-range is breached", "Now critical: amount-range is breached"]);
    expect((await store.firing()).warning).toBe(1);
  });

  it("is kept while it fires, and a while after that", async () => {
    wire();
    await alerts.observe(breach({ key: "still" }));
    for (const key of ["a", "b", "c"]) {
      await alerts.observe(breach({ key }));
      await alerts.observe(breach({ key, failing: false }));
    }
    await opened.database.query("UPDATE alert_messages SET delivered_at = now()");
    await store.prune(1);
    expect((await alerts.list({ limit: 10 })).items.map(({ key }) => key)).toEqual(["c", "still"]);
  });
});

describe("the webhook", { timeout: 30_000 }, () => {
  it("gets everything in order once it is back, and how it does is shown meanwhile", async () => {
    wire();
    hook.answer = 503;
    delivery.start();
    await alerts.observe(breach());
    await alerts.observe(breach({ failing: false }));
    await alerts.observe(breach({ key: "other", title: "other" }));
    await hook.until(4);
    await until(async () => (await store.outbox()).lastError !== null);
    const { webhook, items } = await alerts.list({ limit: 10 });
    expect(webhook).toMatchObject({
      configured: true,
      waiting: 3,
      lastError: "it answered 503",
      lastDeliveredAt: null,
    });
    expect(items[1]?.messages).toMatchObject([
      { kind: "fired", state: "waiting", lastError: "it answered 503" },
      { kind: "resolved", state: "waiting", attempts: 0 },
    ]);
    hook.received.length = 0;
    hook.answer = 200;
    await allTaken();
    const taken = texts().filter((text) => !text.includes("other"));
    expect(taken.slice(-2)).toEqual(["Warning: amount-range is breached", "Resolved: amount-range is breached"]);
    expect(texts()).toContain("Warning: other");
    expect((await alerts.summary()).webhook).toMatchObject({ waiting: 0, lastError: null });
    expect(lines.join("")).toContain("takes messages again");
  });

  it("that never answers holds up nobody, and is asked again after its time", async () => {
    wire(TIMES, 100);
    hook.answer = "hang";
    delivery.start();
    await alerts.observe(breach());
    await hook.until(2);
    await alerts.observe(breach({ failing: false }));
    expect((await store.outbox()).lastError).toBe("it did not answer in time");
    hook.answer = 200;
    await allTaken();
  });

  it("that dislikes one message gets the others all the same", async () => {
    wire();
    hook.answer = ({ text }) => (text.includes("bad") ? 400 : 200);
    delivery.start();
    await alerts.observe(breach({ key: "bad", title: "bad" }));
    await alerts.observe(breach({ key: "good", title: "good" }));
    await until(async () => (await store.outbox()).lastDeliveredAt !== null);
    expect((await store.outbox()).waiting).toBe(1);
    expect(texts()).toContain("Warning: good");
  });

  it("is given up for a message after its time, which is shown, and then gets the next one of that alert", async () => {
    wire({ ...TIMES, giveUpMs: 0 });
    hook.answer = ({ text }) => (text.startsWith("Warning") ? 500 : 200);
    delivery.start();
    await alerts.observe(breach());
    await alerts.observe(breach({ failing: false }));
    await allTaken();
    const { items } = await alerts.list({ limit: 1 });
    expect(items[0]?.messages.map(({ kind, state }) => `${kind} ${state}`)).toEqual([
      "fired abandoned",
      "resolved delivered",
    ]);
    expect(lines.join("")).toContain("gave up");
  });

  it("gets a message again from whoever decides next when an attempt was cut short", async () => {
    wire(TIMES, 60_000);
    hook.answer = "hang";
    delivery.start();
    await alerts.observe(breach());
    await hook.until(1);
    await delivery.stop();
    hook.answer = 200;
    wire();
    delivery.start();
    await allTaken();
    expect(texts()).toEqual(["Warning: amount-range is breached", "Warning: amount-range is breached"]);
    expect(hook.received[0]?.attachments[0]?.footer).toBe(hook.received[1]?.attachments[0]?.footer);
  });

  it("keeps its address out of the log and of every answer", async () => {
    wire();
    hook.answer = 404;
    delivery.start();
    await alerts.observe(breach());
    await until(async () => (await store.outbox()).lastError !== null);
    await delivery.stop();
    await hook.close();
    const gone = new AlertDelivery({ store, webhook: createWebhook(hook.url, 200), clock, log, times: TIMES });
    await until(async () => {
      gone.poke();
      gone.start();
      return /cannot be reached \(ECONNREFUSED\)/.test(String((await store.outbox()).lastError));
    });
    await gone.stop();
    const shown = JSON.stringify([lines, await alerts.list({ limit: 10 })]);
    expect(shown).toContain("did not take a message");
    expect(shown).not.toContain("top-secret");
  });

  it("is told nothing where there is none, and the alert is there all the same", async () => {
    wire();
    const quiet = new Alerts({ store, notifies: false, onMessage: () => expect.fail("there is nobody to tell") });
    await quiet.observe(breach());
    const { items, webhook } = await quiet.list({ limit: 10 });
    expect(items[0]?.messages).toEqual([]);
    expect(webhook).toMatchObject({ configured: false, waiting: 0 });
  });
});
