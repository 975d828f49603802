import { mkdir, readFile, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { FastifyBaseLogger, FastifyInstance } from "fastify";
import { avroSchemas } from "./adapters/avro.ts";
import { createCheckpointFiles } from "./adapters/checkpoint-files.ts";
import { openDuckDb } from "./adapters/duckdb.ts";
import { createFailpoints } from "./adapters/failpoints.ts";
import { createKafkaTopics } from "./adapters/kafka.ts";
import { lakeFiles } from "./adapters/lake-files.ts";
import { createLivePointer } from "./adapters/live-pointer.ts";
import { createAuditLogStore } from "./adapters/postgres/audit.ts";
import { createCatalogStore } from "./adapters/postgres/catalog.ts";
import { openDatabase } from "./adapters/postgres/database.ts";
import { createEventStore } from "./adapters/postgres/events.ts";
import { createJournal } from "./adapters/postgres/journal.ts";
import { createLaunchStore } from "./adapters/postgres/launches.ts";
import { type Leadership, seekLeadership } from "./adapters/postgres/leadership.ts";
import { createOperationStore } from "./adapters/postgres/operations.ts";
import { createRunStore } from "./adapters/postgres/runs.ts";
import { createSpecStore } from "./adapters/postgres/specs.ts";
import { createTokenStore } from "./adapters/postgres/tokens.ts";
import { readTotals } from "./adapters/postgres/totals.ts";
import { createProcesses } from "./adapters/processes.ts";
import { createPrometheus } from "./adapters/prometheus.ts";
import { createSchemaRegistry } from "./adapters/registry.ts";
import { createSparkMaster } from "./adapters/spark-master.ts";
import { createWorkerLogs } from "./adapters/worker-logs.ts";
import { listen } from "./api/listeners.ts";
import { buildApp } from "./app.ts";
import type { Config } from "./config.ts";
import type { Manifest } from "./domain/manifest.ts";
import { ApplicationRestarts } from "./services/application-restarts.ts";
import { AuditLog } from "./services/audit-log.ts";
import { Checkpoints } from "./services/checkpoints.ts";
import { Cluster } from "./services/cluster.ts";
import { createDataQuality } from "./services/data-quality.ts";
import { EventFeed } from "./services/event-feed.ts";
import { FirstBoot } from "./services/first-boot.ts";
import { checkHealth } from "./services/health.ts";
import { startHousekeeping } from "./services/housekeeping.ts";
import { JobReader } from "./services/jobs.ts";
import { LastWordsKeeper } from "./services/last-words.ts";
import { liveTables } from "./services/live-tables.ts";
import { Logs } from "./services/logs.ts";
import { Operations } from "./services/operations.ts";
import { createOutcomes } from "./services/outcomes.ts";
import { Platform } from "./services/platform.ts";
import type { CatalogStore } from "./services/ports.ts";
import { Positions } from "./services/positions.ts";
import { Applications } from "./services/reconcile/applications.ts";
import { Jobs } from "./services/reconcile/jobs.ts";
import { OperationSteps } from "./services/reconcile/operations.ts";
import { Reconciler } from "./services/reconcile/reconciler.ts";
import { createRevenue } from "./services/revenue.ts";
import { RunnerCalls } from "./services/runner-calls.ts";
import { RunnerSync } from "./services/runner-sync.ts";
import { Schemas } from "./services/schemas.ts";
import { createSnapshots } from "./services/snapshots.ts";
import { Sources } from "./services/sources.ts";
import { ApplicationSpecs } from "./services/specs/application-specs.ts";
import { JobSpecs } from "./services/specs/job-specs.ts";
import { Room } from "./services/specs/room.ts";
import { TableHistory } from "./services/table-history.ts";
import { Tokens } from "./services/tokens.ts";
import { TopicWatch } from "./services/topic-watch.ts";
import { readVitals } from "./services/vitals.ts";

const TIMES = { heartbeatTimeoutMs: 5_000, frozenMs: 30_000, appearMs: 15_000 };
/** A cold JVM's first batches over a backlog take tens of seconds on two cores. */
const PROGRESS_TIMEOUT_MS = 60_000;
const IDLE_SHUTDOWN_MS = 600_000;

/** The parts of a running control plane. */
export interface ControlPlane {
  app: FastifyInstance;
  boot: FirstBoot;
  catalog: CatalogStore;
  reconciler: Reconciler;
  migrate(): Promise<void>;
  /** Listens, brings everything to what is declared, and then reconciles. @returns once it reconciles or is stopped */
  start(): Promise<void>;
  /** Ends in phases; Spark applications go on. */
  stop(): Promise<void>;
}

/** Wires adapters, services and routes; nothing is started and nothing has to be reachable yet. */
export async function createControlPlane(
  config: Config,
  manifest: Manifest,
  logger: FastifyBaseLogger,
): Promise<ControlPlane> {
  const clock = { now: () => new Date() };
  const failpoint = createFailpoints(config.failpointDir);
  const contractSchema = await readFile(join(config.checkoutDir, manifest.contract.schema), "utf8");
  // The query engine may read below this folder only, so it has to be there.
  await mkdir(config.lakeDir, { recursive: true });

  const database = openDatabase(config.databaseUrl, (error) =>
    logger.warn({ err: error }, "lost a connection to Postgres"),
  );
  const catalog = createCatalogStore(database);
  const launches = createLaunchStore(database);
  const runs = createRunStore(database);
  const operationStore = createOperationStore(database);
  const events = createEventStore(database);
  const journal = createJournal(database);
  const feed = new EventFeed(journal, logger);
  const specStore = createSpecStore(database);
  const topics = createKafkaTopics(config.kafkaBrokers);
  const registry = createSchemaRegistry(config.registryUrl);
  const master = createSparkMaster({
    restUrl: config.sparkMasterRestUrl,
    uiUrl: config.sparkMasterUiUrl,
    secret: config.sparkRestSecret,
  });
  const engine = await openDuckDb({ folders: [config.lakeDir] });

  const workers = createWorkerLogs();
  const lastWords = new LastWordsKeeper({ launches, workers, master, log: logger });

  const boot = new FirstBoot({
    manifest,
    contractSchema,
    migrate: () => database.migrate(),
    catalog,
    topics,
    registry,
    writeLivePointer: createLivePointer(config.lakeDir),
    log: logger,
  });
  const metrics = createPrometheus(
    () => readVitals({ catalog, events, positions, reconciler, totals: () => readTotals(database) }),
    () => feed.following,
  );
  const calls = new RunnerCalls(clock, () => reconciler.poke());
  const reconciler = new Reconciler({
    catalog,
    launches,
    runs,
    operations: new OperationSteps({ operations: operationStore, catalog, clock, log: logger, failpoint }),
    journal,
    meter: metrics,
    applications: new Applications({
      launches,
      master,
      processes: createProcesses(),
      calls,
      site: {
        masterUrl: config.sparkMasterUrl,
        host: config.host,
        python: config.python,
        javaHome: config.javaHome,
        jobsDir: config.sparkJobsDir,
        jarsDir: config.sparkJarsDir,
        stateDir: config.stateDir,
        controlPlaneUrl: `http://${config.host}:${config.port}`,
        tokenFile: config.runnerTokenFile,
      },
      driversAreLocal: /^spark:\/\/(127\.|localhost|\[::1\])/.test(config.sparkMasterUrl),
      times: TIMES,
      clock,
      log: logger,
      failpoint,
      lastWords,
    }),
    jobs: new Jobs({ catalog, runs, clock, log: logger, failpoint, progressTimeoutMs: PROGRESS_TIMEOUT_MS }),
    site: {
      pipeline: manifest.name,
      lakeDir: config.lakeDir,
      checkpointDir: config.checkpointDir,
      kafka: { brokers: config.kafkaBrokers.join(","), topic: manifest.topics.events.name },
      registryUrl: config.registryUrl,
      contract: manifest.contract,
      contractSchema,
      parameters: manifest.parameters,
      housekeeping: manifest.housekeeping,
    },
    clock,
    log: logger,
    failpoint,
    idleShutdownMs: IDLE_SHUTDOWN_MS,
  });

  let leadership: Leadership | null = null;
  const topic = manifest.topics.events.name;
  const watch = new TopicWatch(topics, topic, clock);
  const positions = new Positions({ watch, events, catalog, topic, pipeline: manifest.name, clock });
  const jobs = new JobReader(catalog, runs, events, positions, launches);
  const history = new TableHistory(lakeFiles());
  const snapshots = createSnapshots({
    generations: liveTables(catalog, manifest.name, config.lakeDir),
    log: lakeFiles(),
    engine,
  });
  const operations = new Operations({
    store: operationStore,
    runs,
    launches,
    jobs,
    clock,
    phaseOf: (application) => reconciler.view(application)?.decision.phase ?? null,
    onRequest: reconciler.poke,
    failpoint,
    log: logger,
  });
  const platform = new Platform({ catalog, launches, topics, reconciler, manifest });
  const room = new Room(catalog, master);
  const restarts = new ApplicationRestarts({
    platform,
    catalog,
    launches,
    store: operationStore,
    onRequest: reconciler.poke,
    failpoint,
    log: logger,
  });
  const app = await buildApp(
    {
      jobs,
      sources: new Sources({ jobs, positions, catalog, events, history, lakeDir: config.lakeDir, clock }),
      logs: new Logs({ jobs, runs, launches, master, workers }),
      checkpoints: new Checkpoints({
        jobs,
        catalog,
        events,
        reader: createCheckpointFiles(),
        history,
        folders: { lake: config.lakeDir, checkpoints: config.checkpointDir },
      }),
      operations,
      jobSpecs: new JobSpecs({ jobs, catalog, runs, store: specStore, room, operations, onChange: reconciler.poke }),
      applicationSpecs: new ApplicationSpecs({
        platform,
        launches,
        store: specStore,
        room,
        restarts,
        onChange: reconciler.poke,
      }),
      applicationRestarts: restarts,
      platform,
      cluster: new Cluster(master, catalog, launches),
      schemas: new Schemas(registry, avroSchemas, manifest),
      revenue: createRevenue({ snapshots, windowMs: manifest.parameters.windowMs }),
      dataQuality: createDataQuality({ snapshots }),
      outcomes: createOutcomes({ snapshots }),
      auditLog: new AuditLog(createAuditLogStore(database)),
      health: () =>
        checkHealth({
          boot,
          standsBy: () => (leadership === null ? "is starting" : leadership.waitingFor),
          catalog,
          launches,
          topics,
          topic,
          registry,
          master,
          freeBytes: async () => {
            const { bavail, bsize } = await statfs(config.lakeDir, { bigint: true });
            return bavail * bsize;
          },
          diskWarnBytes: config.diskWarnBytes,
        }),
      sync: new RunnerSync(reconciler, calls, events, metrics),
      feed,
      tokens: new Tokens({ store: createTokenStore(database), clock, adminToken: config.adminToken }),
      metrics,
    },
    {
      security: { port: config.port, allowedHosts: config.allowedHosts },
      access: { mode: config.access, rateLimits: config.rateLimits },
      runnerToken: config.runnerToken,
      logger,
    },
  );

  const booting = new AbortController();
  let stopHousekeeping = () => {};
  const phases: [name: string, work: () => Promise<unknown>][] = [
    ["stop deciding", () => reconciler.stop()],
    ["let another control plane decide", async () => leadership?.stop()],
    ["end event streams", () => feed.close()],
    ["close HTTP", () => app.close()],
    ["leave Kafka", () => topics.close()],
    ["leave Postgres", () => database.close()],
    ["close the query engine", async () => engine.close()],
  ];
  return {
    app,
    boot,
    catalog,
    reconciler,
    migrate: () => database.migrate(),
    async start() {
      await listen(app, { address: config.listen, loopback: config.host, port: config.port });
      if (!(await boot.run(booting.signal))) return;
      logger.info({ warnings: boot.status.warnings }, "everything is as declared");
      leadership = seekLeadership(config.databaseUrl, {
        onGained() {
          logger.info({}, "reconciling");
          reconciler.start();
        },
        async onLost(reason) {
          logger.warn({ reason }, "not reconciling");
          await reconciler.stop();
        },
      });
      watch.start();
      stopHousekeeping = startHousekeeping(events, journal, logger);
    },
    async stop() {
      booting.abort();
      watch.stop();
      lastWords.stop();
      stopHousekeeping();
      for (const [phase, work] of phases) {
        await work().catch((error: unknown) => logger.warn({ err: error, phase }, "trouble while stopping"));
      }
    },
  };
}
