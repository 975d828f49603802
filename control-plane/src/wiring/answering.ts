import type { FastifyBaseLogger } from "fastify";
import { avroSchemas } from "../adapters/avro.ts";
import type { AppServices } from "../app.ts";
import type { Config } from "../config.ts";
import type { Manifest } from "../domain/manifest.ts";
import type { Alerts } from "../services/alerts.ts";
import { ApplicationRestarts } from "../services/application-restarts.ts";
import { AuditLog } from "../services/audit-log.ts";
import type { BatchDurations } from "../services/batch-durations.ts";
import { Checkpoints } from "../services/checkpoints.ts";
import { Cluster } from "../services/cluster.ts";
import { createDataQuality } from "../services/data-quality.ts";
import { DryRun } from "../services/dq/dry-run.ts";
import type { RuleJudge } from "../services/dq/rule-states.ts";
import { createQualitySummary } from "../services/dq/summary.ts";
import type { EventFeed } from "../services/event-feed.ts";
import type { FirstBoot } from "../services/first-boot.ts";
import { checkHealth } from "../services/health.ts";
import { liveTables } from "../services/live-tables.ts";
import { Logs } from "../services/logs.ts";
import type { Metrics } from "../services/metrics.ts";
import { createOutcomes } from "../services/outcomes.ts";
import { Overrides } from "../services/overrides.ts";
import { Platform } from "../services/platform.ts";
import type { Positions } from "../services/positions.ts";
import type { Presence } from "../services/presence.ts";
import { Publications } from "../services/publications/publications.ts";
import { createQuarantine } from "../services/quarantine.ts";
import type { Reconciler } from "../services/reconcile/reconciler.ts";
import type { Reconciliation } from "../services/reconciliation/reconciliation.ts";
import { DiffPages } from "../services/replay/diff-pages.ts";
import { Explanations } from "../services/revenue/explain.ts";
import { FINAL, UPDATES } from "../services/revenue/position.ts";
import { createRevenue } from "../services/revenue/windows.ts";
import type { RunnerCalls } from "../services/runner-calls.ts";
import { RunnerSync } from "../services/runner-sync.ts";
import { StackServices } from "../services/runtime/stack-services.ts";
import { Schemas } from "../services/schemas.ts";
import { SecondWitness } from "../services/second-witness.ts";
import { createSilverRecords } from "../services/silver-records.ts";
import { createSnapshots, type Snapshots } from "../services/snapshots.ts";
import { Sources } from "../services/sources.ts";
import { ApplicationSpecs } from "../services/specs/application-specs.ts";
import { JobSpecs } from "../services/specs/job-specs.ts";
import { Room } from "../services/specs/room.ts";
import { createSqlQueries } from "../services/sql/queries.ts";
import { TableHistory } from "../services/table-history.ts";
import { Tokens } from "../services/tokens.ts";
import type { Operating } from "./operating.ts";
import type { Outside } from "./outside.ts";
import type { Replaying } from "./replaying.ts";

/** What answers needs beside the outside. */
export interface AnsweringParts {
  config: Config;
  manifest: Manifest;
  boot: FirstBoot;
  reconciler: Reconciler;
  calls: RunnerCalls;
  durations: BatchDurations;
  presence: Presence;
  positions: Positions;
  feed: EventFeed;
  metrics: Metrics;
  alerts: Alerts;
  snapshots: Snapshots;
  operating: Operating;
  replaying: Replaying;
  judge: RuleJudge;
  reconciliation: Reconciliation;
  standsBy: () => string | null;
  log: FastifyBaseLogger;
}

/** An answer is out by then. */
const ANSWERED_WITHIN_MS = 200;

/** Wires the services that the routes call. */
export function createServices(outside: Outside, parts: AnsweringParts): AppServices {
  const {
    config,
    manifest,
    boot,
    reconciler,
    calls,
    durations,
    presence,
    positions,
    feed,
    metrics,
    alerts,
    snapshots,
    operating,
    replaying,
    judge,
    reconciliation,
    standsBy,
    log,
  } = parts;
  const { catalog, launches, runs, events, specs, topics, registry, master, workers, clock } = outside;
  const onChange = reconciler.poke;
  const history = new TableHistory(outside.lake);
  const generations = liveTables(catalog, manifest.name, config.lakeDir);
  const { jobs, requests, operations } = operating;
  const platform = new Platform({ catalog, launches, topics, reconciler, manifest });
  const room = new Room(catalog, master);
  const restarts = new ApplicationRestarts({ platform, requests });
  const { windowMs } = manifest.parameters;
  const revenue = { snapshots, commits: outside.commits, log: outside.lake, clock, windowMs };
  // Windows are asked for all the time. Audits and explanations read the files, where damage shows.
  const windows = createSnapshots({ generations, log: outside.lake, engine: outside.engine, hold: [FINAL, UPDATES] });
  return {
    jobs,
    sources: new Sources({ jobs, positions, events, history, lakeDir: config.lakeDir, clock }),
    logs: new Logs({ jobs, runs, launches, master, workers }),
    checkpoints: new Checkpoints({
      jobs,
      positions,
      events,
      reader: outside.checkpointFiles,
      history,
      folders: { lake: config.lakeDir, checkpoints: config.checkpointDir },
    }),
    operations,
    replays: replaying.replays,
    generations: replaying.generations,
    jobSpecs: new JobSpecs({ jobs, catalog, runs, store: specs, room, operations, onChange }),
    applicationSpecs: new ApplicationSpecs({ platform, launches, store: specs, room, restarts, onChange }),
    applicationRestarts: restarts,
    platform,
    cluster: new Cluster(master, catalog, launches),
    stack: new StackServices({
      runtime: outside.runtime,
      audit: (entry) => outside.auditLog.add(entry),
      clock,
      endSelf: () => setTimeout(() => process.kill(process.pid, "SIGTERM"), ANSWERED_WITHIN_MS).unref(),
    }),
    schemas: new Schemas(registry, avroSchemas, manifest),
    publications: new Publications({ manifest, store: outside.publications, clock }),
    revenue: createRevenue({ ...revenue, snapshots: windows }),
    explanations: new Explanations({ ...revenue, runs, rules: manifest.parameters }),
    dataQuality: createDataQuality({ snapshots }),
    qualityRules: {
      judge,
      summary: createQualitySummary({ set: judge.set, snapshots, clock }),
      dryRun: new DryRun({ set: judge.set, snapshots, clock }),
    },
    outcomes: createOutcomes({ snapshots }),
    sql: createSqlQueries({
      snapshots,
      generations,
      workers: outside.sqlWorkers,
      lakeDir: config.lakeDir,
      limits: config.sql.limits,
    }),
    quarantine: createQuarantine({ snapshots, decisions: outside.overrides }),
    alerts,
    reconciliation,
    diffs: new DiffPages(outside.diffs),
    overrides: new Overrides({
      store: outside.overrides,
      records: createSilverRecords({ snapshots }),
      pipeline: manifest.name,
      topic: manifest.topics.events.name,
      onChange,
    }),
    auditLog: new AuditLog(outside.auditLog),
    health: () =>
      checkHealth({
        boot,
        standsBy,
        catalog,
        launches,
        topics,
        topic: manifest.topics.events.name,
        registry,
        master,
        alerts,
        freeBytes: outside.freeBytes,
        diskWarnBytes: config.diskWarnBytes,
      }),
    sync: new RunnerSync({
      ...{ reconciler, calls, events, durations, meter: metrics, presence },
      witness: new SecondWitness({ entries: events, alerts, log }),
    }),
    feed,
    tokens: new Tokens({
      store: outside.tokens,
      clock,
      adminToken: config.adminToken,
      metricsToken: config.metricsToken,
    }),
    metrics,
  };
}
