import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HOST, RUNNER_TOKEN, startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";
import { MetricsPage } from "../fixtures/prometheus-text.ts";

let running: TestControlPlane;

beforeAll(async () => {
  running = await startControlPlane();
}, 60_000);

afterAll(() => running?.stop());

async function get(url: string) {
  return running.controlPlane.app.inject({ method: "GET", url, headers: { host: HOST } });
}

async function metrics(): Promise<MetricsPage> {
  const response = await get("/metrics");
  expect(response.statusCode).toBe(200);
  expect(response.headers["content-type"]).toMatch(/^text\/plain; version=/);
  return new MetricsPage(response.body);
}

async function sync(events: object[]): Promise<number> {
  const response = await running.controlPlane.app.inject({
    method: "POST",
    url: "/runner/v1/sync",
    headers: { host: HOST, authorization: `Bearer ${RUNNER_TOKEN}`, "content-type": "application/json" },
    payload: JSON.stringify({
      application: "sales",
      launchId: running.master.submitted[0],
      host: "10.0.0.1",
      processes: [],
      state: "running",
      jobs: [],
      events,
    }),
  });
  return response.statusCode;
}

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    if (await holds()) return;
    await delay(20);
  }
  throw new Error(`did not happen: ${holds}`);
}

// One story: the last test takes Postgres away.
describe("GET /metrics", { timeout: 30_000 }, () => {
  it("counts requests by the pattern of their route", async () => {
    await get("/v1/jobs/sales.gold");
    await get("/v1/jobs/sales.dq");
    await get("/v1/jobs/sales.nope");
    await get("/wp-admin/1");
    await get("/wp-admin/2");
    const page = await metrics();
    const route = { method: "GET", route: "/v1/jobs/:job" };
    expect(page.value("http_request_duration_seconds", { ...route, status: "200" })).toBe(2);
    expect(page.value("http_request_duration_seconds", { ...route, status: "404" })).toBe(1);
    expect(page.value("http_request_duration_seconds", { method: "GET", route: "unknown", status: "404" })).toBe(2);
  });

  it("tells of jobs and their batches, a repeated report counted once, and leaves Kafka's part out while it is away", async () => {
    running.controlPlane.reconciler.start();
    await until(() => running.master.submitted.length === 1);
    await until(async () => (await sync([])) === 200);
    await until(async () => (await get("/v1/jobs/sales.silver")).json().epoch === 1);
    const event = { job: "sales.silver", generation: 1, epoch: 1, at: new Date().toISOString() };
    const batch = { kind: "batch", batch: 3, rowsIn: 100, rows: { accepted: 97, late: 3 }, version: 7 };
    const durationMs = { triggerExecution: 420, addBatch: 300 };
    const stateOperators = [
      { operatorName: "dedupe", numRowsTotal: 40, memoryUsedBytes: 1000 },
      { operatorName: "dedupe", numRowsTotal: 2, memoryUsedBytes: 24 },
    ];
    const events = [
      { ...event, sequence: 1, type: "batch", data: { ...batch, table: "silver.sales_events" } },
      { ...event, sequence: 2, type: "progress", data: { batchId: 3, durationMs, stateOperators } },
      {
        ...event,
        sequence: 3,
        type: "progress",
        data: { batchId: 4, durationMs: { triggerExecution: 1 }, stateOperators },
      },
    ];
    await sync(events);
    await sync(events);
    const page = await metrics();
    const silver = { job: "sales.silver" };
    expect(page.value("penstock_up", { dependency: "postgres" })).toBe(1);
    expect(page.value("penstock_up", { dependency: "kafka" })).toBe(0);
    expect(page.families.get("penstock_job_lag_records")?.series.size).toBe(0);
    expect(page.value("penstock_job_state", { ...silver, state: "STARTING" })).toBe(1);
    expect(page.value("penstock_job_epoch", silver)).toBe(1);
    expect(page.value("penstock_application_phase", { application: "sales", phase: "live" })).toBe(1);
    expect(page.value("penstock_batch_rows_total", silver)).toBe(100);
    expect(page.value("penstock_rows_total", { ...silver, outcome: "accepted" })).toBe(97);
    expect(page.value("penstock_state_rows", { ...silver, operator: "dedupe" })).toBe(42);
    expect(page.value("penstock_state_memory_bytes", { ...silver, operator: "dedupe" })).toBe(1024);
    expect(page.value("penstock_batch_duration_seconds", { ...silver, phase: "triggerExecution" })).toBe(1);
    expect(page.value("penstock_sync_total", { result: "accepted" })).toBeGreaterThanOrEqual(3);
    expect(page.value("penstock_reconcile_duration_seconds")).toBeGreaterThan(0);
    expect(page.value("penstock_reconcile_errors_total")).toBe(0);
  });

  it("answers without Postgres, too, and says that it is away", async () => {
    await running.controlPlane.reconciler.stop();
    await running.stopPostgres();
    const page = await metrics();
    expect(page.value("penstock_up", { dependency: "postgres" })).toBe(0);
    expect(page.families.get("penstock_job_state")?.series.size).toBe(0);
    expect(page.value("penstock_sync_total", { result: "accepted" })).toBeGreaterThanOrEqual(3);
  });
});
