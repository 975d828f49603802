import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { FastifyBaseLogger, FastifyInstance } from "fastify";
import { createLivePointer } from "./adapters/live-pointer.ts";
import { type Leadership, seekLeadership } from "./adapters/postgres/leadership.ts";
import { createPrometheus } from "./adapters/prometheus.ts";
import { createSignpost } from "./adapters/signpost.ts";
import { listen } from "./api/listeners.ts";
import { buildApp } from "./app.ts";
import type { Config } from "./config.ts";
import { parseRules } from "./domain/dq/rules-file.ts";
import { signpostPath } from "./domain/layout.ts";
import type { Manifest } from "./domain/manifest.ts";
import type { Alerts } from "./services/alerts.ts";
import { BatchDurations } from "./services/batch-durations.ts";
import { ruleSet } from "./services/dq/rule-set.ts";
import { EventFeed } from "./services/event-feed.ts";
import { FirstBoot } from "./services/first-boot.ts";
import { startHousekeeping } from "./services/housekeeping.ts";
import { LastWordsKeeper } from "./services/last-words.ts";
import { liveTables } from "./services/live-tables.ts";
import type { CatalogStore } from "./services/ports.ts";
import { Positions } from "./services/positions.ts";
import { Presence } from "./services/presence.ts";
import type { Reconciler } from "./services/reconcile/reconciler.ts";
import type { Reconciliation } from "./services/reconciliation/reconciliation.ts";
import { RunnerCalls } from "./services/runner-calls.ts";
import { ServiceWatch } from "./services/runtime/service-watch.ts";
import { createSnapshots } from "./services/snapshots.ts";
import { TopicWatch } from "./services/topic-watch.ts";
import { readVitals } from "./services/vitals.ts";
import { createAlarming, createAlerts } from "./wiring/alarming.ts";
import { createServices } from "./wiring/answering.ts";
import { createAuditing } from "./wiring/auditing.ts";
import { createComparing } from "./wiring/comparing.ts";
import { createReconciler } from "./wiring/deciding.ts";
import { createOperating } from "./wiring/operating.ts";
import { openOutside } from "./wiring/outside.ts";
import { createPublishers, readPublicationSchemas } from "./wiring/publishing.ts";
import { createReplaying } from "./wiring/replaying.ts";

/** The parts of a running control plane. */
export interface ControlPlane {
  app: FastifyInstance;
  boot: FirstBoot;
  catalog: CatalogStore;
  alerts: Alerts;
  presence: Presence;
  reconciler: Reconciler;
  reconciliation: Reconciliation;
  migrate(): Promise<void>;
  /** Listens, and waits until it may decide: then it brings everything to what is declared, and reconciles. */
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
  const contractSchema = await readFile(join(config.checkoutDir, manifest.contract.schema), "utf8");
  const publicationSchemas = await readPublicationSchemas(config, manifest);
  const rules = ruleSet(parseRules(await readFile(join(config.checkoutDir, manifest.dataQuality.rules), "utf8")));
  let leadership: Leadership | null = null;
  const standsBy = () => (leadership === null ? "is starting" : leadership.waitingFor);
  const outside = await openOutside(config, standsBy, logger);
  const { database, catalog, launches, runs, events, journal, topics, registry, master, workers, clock } = outside;
  const feed = new EventFeed(journal, logger);
  const lastWords = new LastWordsKeeper({ launches, runs, workers, master, log: logger });
  const boot = new FirstBoot({
    manifest,
    contractSchema,
    publicationSchemas,
    migrate: () => database.migrate(),
    catalog,
    topics,
    registry,
    writeLivePointer: createLivePointer(config.lakeDir),
    log: logger,
  });
  const { alerts, delivery } = createAlerts(outside, logger);
  const topic = manifest.topics.events.name;
  const watch = new TopicWatch(topics, topic, clock);
  const positions = new Positions({ watch, events, catalog, topic, pipeline: manifest.name, clock });
  const snapshots = createSnapshots({
    generations: liveTables(catalog, manifest.name, config.lakeDir),
    log: outside.lake,
    engine: outside.engine,
  });
  const alarming = createAlarming(outside, { manifest, rules, alerts, delivery, positions, snapshots, log: logger });
  const metrics = createPrometheus(
    () =>
      readVitals({
        catalog,
        events,
        positions,
        reconciler,
        totals: outside.totals,
        alerts,
        publications: () => outside.publications.list(manifest.name),
      }),
    () => feed.following,
  );
  const auditing = createAuditing(outside, { config, manifest, watch, alerts, log: logger });
  const durations = new BatchDurations();
  const calls = new RunnerCalls(clock, () => reconciler.poke());
  const signpost = createSignpost(signpostPath(config.lakeDir), config.runnerToken);
  const presence = new Presence(config.runnerUrl, outside.presence, signpost, logger);
  const reconciler = createReconciler(outside, {
    config,
    manifest,
    contractSchema,
    rules,
    calls,
    durations,
    watch,
    presence,
    lastWords,
    harvest: auditing.harvest,
    meter: metrics,
    log: logger,
  });
  const operating = createOperating(outside, { positions, reconciler, log: logger });
  const replaying = createReplaying(outside, {
    config,
    manifest,
    positions,
    operations: operating.operations,
    snapshots,
    diff: createComparing(outside, config, manifest),
    onJobs: reconciler.poke,
    log: logger,
  });
  const publishers = createPublishers(outside, {
    manifest,
    schemas: publicationSchemas,
    alerts,
    snapshots,
    log: logger,
  });
  const serviceWatch = new ServiceWatch({ runtime: outside.runtime, journal, log: logger });
  const app = await buildApp(
    createServices(outside, {
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
      judge: alarming.judge,
      reconciliation: auditing.reconciliation,
      standsBy,
      log: logger,
    }),
    {
      security: { port: config.port, allowedHosts: [...config.allowedHosts, new URL(config.runnerUrl).host] },
      access: { mode: config.access, rateLimits: config.rateLimits },
      runnerToken: config.runnerToken,
      logger,
    },
  );

  // The time for which this process decides; another one may have decided between two of them.
  let term = new AbortController();
  let stopHousekeeping = () => {};
  /** A stand-by leaves the database as it is: the one that decides may be of another version. */
  async function lead({ signal }: AbortController): Promise<void> {
    presence.decides(true);
    if (!boot.status.done && !(await boot.run(signal))) return;
    if (signal.aborted) return;
    logger.info({ warnings: boot.status.warnings }, "everything is as declared; reconciling");
    reconciler.start();
    publishers.start();
    alarming.start();
    auditing.start();
    replaying.start();
    serviceWatch.start();
    stopHousekeeping = startHousekeeping(
      { events, journal, alerts: outside.alertStore, history: outside.history },
      logger,
    );
  }
  async function stopLeading(): Promise<void> {
    term.abort();
    presence.decides(false);
    stopHousekeeping();
    await replaying.stop();
    serviceWatch.stop();
    await Promise.all([reconciler.stop(), publishers.stop(), alarming.stop(), auditing.stop()]);
  }
  const phases: [name: string, work: () => Promise<unknown>][] = [
    ["stop deciding", stopLeading],
    ["let another control plane decide", async () => leadership?.stop()],
    ["end event streams", () => feed.close()],
    ["close HTTP", () => app.close()],
    ["leave Kafka", () => topics.close()],
    ["leave Postgres", () => database.close()],
    ["end SQL workers", () => outside.sqlWorkers.close()],
    ["close the query engine", async () => outside.engine.close()],
    ["close the engine of checks", async () => outside.auditEngine.close()],
  ];
  return {
    app,
    boot,
    catalog,
    alerts,
    presence,
    reconciler,
    reconciliation: auditing.reconciliation,
    migrate: () => database.migrate(),
    async start() {
      await listen(app, { address: config.listen, loopback: config.host, port: config.port });
      presence.start();
      watch.start();
      leadership = seekLeadership(config.databaseUrl, {
        async onGained() {
          term = new AbortController();
          await lead(term).catch((error: unknown) => {
            logger.error({ err: error }, "cannot begin to decide");
            throw error;
          });
        },
        async onLost(reason) {
          logger.warn({ reason }, "not reconciling");
          await stopLeading().catch((error: unknown) => logger.warn({ err: error }, "trouble while ceasing to decide"));
        },
      });
    },
    async stop() {
      presence.stop();
      watch.stop();
      lastWords.stop();
      for (const [phase, work] of phases) {
        await work().catch((error: unknown) => logger.warn({ err: error, phase }, "trouble while stopping"));
      }
    },
  };
}
