import { describe, expect, it } from "vitest";
import { createPrometheus } from "../../src/adapters/prometheus.ts";
import type { Vitals } from "../../src/services/vitals.ts";
import { MetricsPage } from "../fixtures/prometheus-text.ts";

const lag = (partition: number, lagRecords: string, lagSeconds: number | null) => ({
  partition,
  earliest: "0",
  committed: "1",
  latest: "9",
  lagRecords,
  lagSeconds,
});

const VITALS: Vitals = {
  up: { postgres: true, kafka: true },
  jobs: [
    {
      job: "sales.silver",
      state: "RUNNING",
      epoch: 7,
      lag: [lag(0, "3", 1.5), lag(1, "0", 0)],
      operators: new Map([["dedupe", { rows: 12, memoryBytes: 4096 }]]),
    },
    { job: "sales.gold", state: "FAILED", epoch: 2, lag: null, operators: new Map() },
    { job: "sales.dq", state: "RUNNING", epoch: 1, lag: [lag(0, "9", null)], operators: new Map() },
  ],
  applications: [{ application: "sales", phase: "live" }],
  totals: {
    batches: [{ job: "sales.silver", batches: 5, rows: 500 }],
    outcomes: [{ job: "sales.silver", outcome: "late", rows: 20 }],
    restarts: [{ job: "sales.silver", cause: "failure", count: 6 }],
    operations: [{ kind: "stop", result: "succeeded", count: 4 }],
  },
  alerts: {
    firing: { info: 0, warning: 2, critical: 1 },
    webhook: { configured: true, waiting: 3, waitingSince: null, lastError: null, lastDeliveredAt: null },
  },
  publications: [
    {
      name: "deadLetters",
      pausedAt: new Date(),
      pausedBy: "local",
      status: {
        generation: 1,
        position: {},
        published: 12n,
        waiting: 4n,
        unaccounted: -1n,
        lastPublishedAt: null,
        error: "Kafka is away",
        errorSince: new Date(),
        checkedAt: new Date(),
      },
    },
    { name: "revenue", pausedAt: null, pausedBy: null, status: null },
  ],
};

describe("the page of metrics", () => {
  it("tells what was observed, as gauges and counters that begin anew with each page", async () => {
    let vitals = VITALS;
    const metrics = createPrometheus(
      async () => vitals,
      () => 3,
    );
    await metrics.page();
    const { text, contentType } = await metrics.page();
    expect(contentType).toMatch(/^text\/plain; version=/);
    const page = new MetricsPage(text);
    const silver = { job: "sales.silver" };
    expect(page.value("penstock_job_state", { ...silver, state: "RUNNING" })).toBe(1);
    expect(page.value("penstock_job_state", { ...silver, state: "FAILED" })).toBe(0);
    expect(page.value("penstock_job_epoch", silver)).toBe(7);
    expect(page.value("penstock_job_lag_records", { ...silver, partition: "0" })).toBe(3);
    expect(page.value("penstock_job_lag_seconds", silver)).toBe(1.5);
    expect(page.value("penstock_state_rows", { ...silver, operator: "dedupe" })).toBe(12);
    expect(page.value("penstock_state_memory_bytes", { ...silver, operator: "dedupe" })).toBe(4096);
    expect(page.value("penstock_application_phase", { application: "sales", phase: "live" })).toBe(1);
    expect(page.value("penstock_event_streams")).toBe(3);
    expect(page.value("penstock_alerts_firing", { severity: "warning" })).toBe(2);
    expect(page.value("penstock_alerts_firing", { severity: "info" })).toBe(0);
    expect(page.value("penstock_alert_messages_waiting")).toBe(3);
    const publication = "deadLetters";
    expect(page.value("penstock_publication_records_total", { publication })).toBe(12);
    expect(page.value("penstock_publication_lag_rows", { publication })).toBe(4);
    expect(page.value("penstock_publication_unaccounted_rows", { publication })).toBe(-1);
    expect(page.value("penstock_publication_failing", { publication })).toBe(1);
    expect(page.value("penstock_publication_paused", { publication })).toBe(1);
    expect(page.value("penstock_publication_paused", { publication: "revenue" })).toBe(0);
    expect(page.value("penstock_publication_lag_rows", { publication: "revenue" })).toBeUndefined();
    expect(page.value("penstock_batches_total", silver)).toBe(5);
    expect(page.value("penstock_batch_rows_total", silver)).toBe(500);
    expect(page.value("penstock_rows_total", { ...silver, outcome: "late" })).toBe(20);
    expect(page.value("penstock_job_restarts_total", { ...silver, cause: "failure" })).toBe(6);
    expect(page.value("penstock_operations_total", { kind: "stop", result: "succeeded" })).toBe(4);
    // A lag that nobody knows is no lag of 0.
    expect(page.value("penstock_job_lag_seconds", { job: "sales.gold" })).toBeUndefined();
    expect(page.value("penstock_job_lag_seconds", { job: "sales.dq" })).toBeUndefined();
    expect(page.value("penstock_job_lag_records", { job: "sales.dq", partition: "0" })).toBe(9);

    vitals = {
      up: { postgres: false, kafka: false },
      jobs: [],
      applications: [],
      totals: null,
      alerts: null,
      publications: [],
    };
    const after = new MetricsPage((await metrics.page()).text);
    expect(after.value("penstock_up", { dependency: "postgres" })).toBe(0);
    expect(after.value("penstock_job_state", { ...silver, state: "RUNNING" })).toBeUndefined();
    expect(after.value("penstock_batches_total", silver)).toBeUndefined();
    expect(after.value("penstock_alerts_firing", { severity: "warning" })).toBeUndefined();
  });

  it("gives those who ask at the same time the same page", async () => {
    let asked = 0;
    const metrics = createPrometheus(
      async () => {
        asked += 1;
        return VITALS;
      },
      () => 0,
    );
    const [first, second] = await Promise.all([metrics.page(), metrics.page()]);
    expect(second).toBe(first);
    expect(asked).toBe(1);
  });

  it("keeps to the naming conventions: help and type everywhere, base units, _total for counters alone", async () => {
    const metrics = createPrometheus(
      async () => VITALS,
      () => 0,
    );
    metrics.batch("sales.silver", { triggerExecution: 420, addBatch: 300 });
    metrics.request("GET", "/v1/jobs/:job", 200, 0.02);
    const page = new MetricsPage((await metrics.page()).text);
    const own = [...page.families].filter(([name]) => /^(penstock|http)_/.test(name));
    expect(own.length).toBeGreaterThanOrEqual(18);
    for (const [name, { help, type }] of own) {
      expect(help, name).toMatch(/\.$/);
      expect(name, name).toMatch(/^[a-z][a-z0-9_]*$/);
      expect(name.endsWith("_total"), name).toBe(type === "counter");
      expect(name, name).not.toMatch(/_(ms|millis|milliseconds|minutes|kb|mb)(_|$)/);
    }
    expect(page.value("penstock_batch_duration_seconds", { job: "sales.silver", phase: "addBatch" })).toBe(1);
    expect(page.value("nodejs_eventloop_lag_seconds")).toBeDefined();
  });
});
