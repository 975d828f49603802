import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "@prometheus-io/client";
import { JOB_STATES } from "../domain/lifecycle/job.ts";
import { LAUNCH_PHASES } from "../domain/lifecycle/launch.ts";
import { type Metrics, SYNC_RESULTS } from "../services/metrics.ts";
import type { JobVitals, Totals, Vitals } from "../services/vitals.ts";
import { publicationMetrics } from "./prometheus-publications.ts";

const BATCH_SECONDS = [0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3, 6, 12, 30, 60, 120];
const HTTP_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const RECONCILE_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** @param observe what there is to tell beside what was counted; asked once per page */
export function createPrometheus(observe: () => Promise<Vitals>, streams: () => number): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const gauge = <T extends string>(name: string, help: string, labelNames: T[]) =>
    new Gauge({ name: `penstock_${name}`, help, labelNames, registers });
  const counter = <T extends string>(name: string, help: string, labelNames: T[]) =>
    new Counter({ name: `penstock_${name}`, help, labelNames, registers });
  const histogram = <T extends string>(name: string, help: string, labelNames: T[], buckets: number[]) =>
    new Histogram({ name, help, labelNames, buckets, registers });

  const up = gauge("up", "1 while a dependency answers.", ["dependency"]);
  const jobState = gauge("job_state", "1 for the state that a job is in, 0 for the others.", ["job", "state"]);
  const jobEpoch = gauge("job_epoch", "Number of the newest run of a job.", ["job"]);
  const lagRecords = gauge("job_lag_records", "Records of the topic that a job has not counted.", ["job", "partition"]);
  const lagSeconds = gauge("job_lag_seconds", "Age of the oldest record that a job has not counted, at most.", ["job"]);
  const stateRows = gauge("state_rows", "Rows in the state of a query.", ["job", "operator"]);
  const stateMemory = gauge("state_memory_bytes", "Memory used by the state of a query.", ["job", "operator"]);
  const phase = gauge("application_phase", "1 for the phase that an application is in, 0 for the others.", [
    "application",
    "phase",
  ]);
  const firing = gauge("alerts_firing", "Alerts that fire, by severity.", ["severity"]);
  const alertMessages = gauge("alert_messages_waiting", "Messages that the alert webhook has not taken yet.", []);
  const eventStreams = gauge("event_streams", "Clients that follow the events.", []);
  const batches = counter("batches_total", "Batches that a job has committed.", ["job"]);
  const batchRows = counter("batch_rows_total", "Rows that a job has read in its batches.", ["job"]);
  const rows = counter("rows_total", "Rows that a job has written, by what became of them.", ["job", "outcome"]);
  const restarts = counter("job_restarts_total", "Runs that followed another one, by what ended that.", [
    "job",
    "cause",
  ]);
  const operations = counter("operations_total", "Operations that have ended.", ["kind", "result"]);
  const publications = publicationMetrics(registry);
  const observed = [
    up,
    jobState,
    jobEpoch,
    lagRecords,
    lagSeconds,
    stateRows,
    stateMemory,
    phase,
    firing,
    alertMessages,
  ];
  const summed = [batches, batchRows, rows, restarts, operations];

  const batchSeconds = histogram(
    "penstock_batch_duration_seconds",
    "Duration of batches; the phase triggerExecution is all of it, the others are Spark's names of its parts.",
    ["job", "phase"],
    BATCH_SECONDS,
  );
  const reconcile = histogram(
    "penstock_reconcile_duration_seconds",
    "Duration of a look at everything.",
    [],
    RECONCILE_SECONDS,
  );
  const reconcileErrors = counter("reconcile_errors_total", "Looks at everything that were cut short by an error.", []);
  const sync = counter("sync_total", "Calls of runners.", ["result"]);
  for (const result of SYNC_RESULTS) sync.inc({ result }, 0);
  const http = histogram(
    "http_request_duration_seconds",
    "Duration of HTTP requests, event streams excepted.",
    ["method", "route", "status"],
    HTTP_SECONDS,
  );

  function tell(vitals: Vitals): void {
    for (const metric of [...observed, ...summed]) metric.reset();
    for (const [dependency, isUp] of Object.entries(vitals.up)) up.set({ dependency }, Number(isUp));
    vitals.jobs.forEach(tellJob);
    for (const { application, phase: now } of vitals.applications) {
      for (const known of Object.keys(LAUNCH_PHASES)) phase.set({ application, phase: known }, Number(known === now));
    }
    if (vitals.totals !== null) tellTotals(vitals.totals);
    publications.tell(vitals.publications);
    if (vitals.alerts !== null) {
      for (const [severity, count] of Object.entries(vitals.alerts.firing)) firing.set({ severity }, count);
      alertMessages.set(vitals.alerts.webhook.waiting);
    }
    eventStreams.set(streams());
  }

  function tellJob({ job, state, epoch, lag, operators }: JobVitals): void {
    for (const known of JOB_STATES) jobState.set({ job, state: known }, Number(known === state));
    jobEpoch.set({ job }, epoch);
    for (const { partition, lagRecords: records } of lag ?? []) lagRecords.set({ job, partition }, Number(records));
    const seconds = lag?.map((partition) => partition.lagSeconds) ?? [null];
    if (!seconds.includes(null)) lagSeconds.set({ job }, Math.max(0, ...(seconds as number[])));
    for (const [operator, size] of operators) {
      stateRows.set({ job, operator }, size.rows);
      stateMemory.set({ job, operator }, size.memoryBytes);
    }
  }

  function tellTotals(totals: Totals): void {
    for (const total of totals.batches) {
      batches.inc({ job: total.job }, total.batches);
      batchRows.inc({ job: total.job }, total.rows);
    }
    for (const { job, outcome, rows: count } of totals.outcomes) rows.inc({ job, outcome }, count);
    for (const { job, cause, count } of totals.restarts) restarts.inc({ job, cause }, count);
    for (const { kind, result, count } of totals.operations) operations.inc({ kind, result }, count);
  }

  // Two pages at once would empty each other's gauges: whoever asks meanwhile gets the same one.
  let writing: Promise<{ contentType: string; text: string }> | null = null;
  async function write() {
    tell(await observe());
    return { contentType: registry.contentType, text: await registry.metrics() };
  }

  return {
    batch(job, durationsMs) {
      for (const [name, ms] of Object.entries(durationsMs)) batchSeconds.observe({ job, phase: name }, ms / 1000);
    },
    reconciled(seconds, ok) {
      reconcile.observe(seconds);
      if (!ok) reconcileErrors.inc();
    },
    synced: (result) => sync.inc({ result }),
    request: (method, route, status, seconds) => http.observe({ method, route, status }, seconds),
    page() {
      writing ??= write().finally(() => {
        writing = null;
      });
      return writing;
    },
  };
}
