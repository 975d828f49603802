import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Observation } from "../../src/services/alerts.ts";
import { HOST, startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";
import { MetricsPage } from "../fixtures/prometheus-text.ts";

let running: TestControlPlane;

const seen = (key: string, change: Partial<Observation> = {}) =>
  running.controlPlane.alerts.observe({
    key,
    severity: "warning",
    title: `${key} is wrong`,
    detail: "12, more than 4",
    subjects: ["sales.dq", key],
    failing: true,
    ...change,
  });

beforeAll(async () => {
  running = await startControlPlane();
  await seen("a");
  await seen("b", { severity: "critical" });
  await seen("c");
  await seen("c", { failing: false, detail: "3, at most 4" });
}, 60_000);

afterAll(() => running?.stop());

const get = (url: string) => running.controlPlane.app.inject({ url, headers: { host: HOST } });

const keys = async (query: string) =>
  (await get(`/v1/alerts${query}`)).json().items.map((it: { key: string }) => it.key);

describe("GET /v1/alerts", () => {
  it("lists what is wrong and what was, newest first, with its figures", async () => {
    const page = (await get("/v1/alerts")).json();
    expect(page.items.map((it: { key: string; state: string }) => `${it.key} ${it.state}`)).toEqual([
      "c resolved",
      "b firing",
      "a firing",
    ]);
    expect(page.items[0]).toEqual({
      id: expect.stringMatching(/^\d+$/),
      key: "c",
      severity: "warning",
      state: "resolved",
      title: "c is wrong",
      detail: "12, more than 4",
      subjects: ["sales.dq", "c"],
      firedAt: expect.stringMatching(/Z$/),
      seenAt: expect.stringMatching(/Z$/),
      resolvedAt: expect.stringMatching(/Z$/),
      resolution: "3, at most 4",
      messages: [],
    });
    expect(page.webhook).toEqual({
      configured: false,
      waiting: 0,
      waitingSince: null,
      lastError: null,
      lastDeliveredAt: null,
    });
  });

  it.each([
    ["?state=firing", ["b", "a"]],
    ["?state=resolved", ["c"]],
    ["?severity=critical", ["b"]],
    ["?severity=critical&state=resolved", []],
  ])("is filtered: %s", async (query, expected) => {
    expect(await keys(query)).toEqual(expected);
  });

  it("goes on page by page", async () => {
    const first = (await get("/v1/alerts?limit=2")).json();
    expect(first.items).toHaveLength(2);
    expect(await keys(`?limit=2&cursor=${first.nextCursor}`)).toEqual(["a"]);
  });

  it.each([
    ["?state=burning", "state"],
    ["?severity=fatal", "severity"],
    ["?cursor=nonsense", "cursor"],
    ["?status=firing", "status"],
  ])("refuses %s and names the field", async (query, field) => {
    const answer = await get(`/v1/alerts${query}`);
    expect(answer.statusCode).toBe(400);
    expect(answer.json().errors[0].field).toBe(field);
  });
});

it("tells of a critical alert in /readyz, of all of them in /metrics, and of each in the journal", async () => {
  const { checks } = (await get("/readyz")).json();
  const alerts = { name: "alerts", status: "warn", text: "firing: 1 warning, 1 critical" };
  expect(checks).toContainEqual(alerts);
  const page = new MetricsPage((await get("/metrics")).body);
  expect(page.value("penstock_alerts_firing", { severity: "critical" })).toBe(1);
  expect(page.value("penstock_alerts_firing", { severity: "warning" })).toBe(1);
  const { items } = (await get("/v1/events/history?type=alert.fired,alert.resolved&subject=c")).json();
  expect(items.map((it: { type: string }) => it.type)).toEqual(["alert.resolved", "alert.fired"]);
});
