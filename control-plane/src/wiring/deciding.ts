import type { FastifyBaseLogger } from "fastify";
import type { Config } from "../config.ts";
import { signpostPath } from "../domain/layout.ts";
import type { Manifest } from "../domain/manifest.ts";
import type { BatchDurations } from "../services/batch-durations.ts";
import type { RuleSet } from "../services/dq/rule-set.ts";
import type { LastWordsKeeper } from "../services/last-words.ts";
import type { LedgerHarvest } from "../services/ledger-harvest.ts";
import type { Presence } from "../services/presence.ts";
import { Applications } from "../services/reconcile/applications.ts";
import { Jobs } from "../services/reconcile/jobs.ts";
import { OperationSteps } from "../services/reconcile/operations.ts";
import { Reconciler } from "../services/reconcile/reconciler.ts";
import type { RunnerCalls } from "../services/runner-calls.ts";
import type { TopicWatch } from "../services/topic-watch.ts";
import type { Outside } from "./outside.ts";

const TIMES = { heartbeatTimeoutMs: 5_000, frozenMs: 30_000, appearMs: 15_000 };
const IDLE_SHUTDOWN_MS = 600_000;

/** What decides needs beside the outside. */
export interface DecidingParts {
  config: Config;
  manifest: Manifest;
  contractSchema: string;
  rules: RuleSet;
  calls: RunnerCalls;
  durations: BatchDurations;
  watch: TopicWatch;
  presence: Presence;
  lastWords: LastWordsKeeper;
  harvest: LedgerHarvest;
  meter: ConstructorParameters<typeof Reconciler>[0]["meter"];
  log: FastifyBaseLogger;
}

/** Wires what moves applications, jobs and operations towards what was asked for. */
export function createReconciler(outside: Outside, parts: DecidingParts): Reconciler {
  const { config, manifest, contractSchema, rules, calls, durations, watch, presence, lastWords, harvest, meter, log } =
    parts;
  const { catalog, launches, runs, operations, overrides, journal, master, processes, clock, failpoint } = outside;
  return new Reconciler({
    catalog,
    launches,
    runs,
    operations: new OperationSteps({ operations, catalog, clock, log, failpoint }),
    overrides,
    journal,
    meter,
    applications: new Applications({
      launches,
      master,
      processes,
      calls,
      site: {
        masterUrl: config.sparkMasterUrl,
        host: config.drivers === "here" ? config.host : null,
        python: config.python,
        javaHome: config.javaHome,
        jobsDir: config.sparkJobsDir,
        jarsDir: config.sparkJarsDir,
        stateDir: config.stateDir,
        tokenFile: config.runnerTokenFile,
        signpost: signpostPath(config.lakeDir),
        connections: config.connections.forDrivers,
      },
      presence,
      times: TIMES,
      clock,
      log,
      failpoint,
      lastWords,
    }),
    jobs: new Jobs({ catalog, runs, clock, log, failpoint, durations, topic: watch, lastWords }),
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
      harvested: (path) => harvest.harvested(path),
      qualityRules: { revision: rules.revision, rows: rules.rows },
    },
    clock,
    log,
    failpoint,
    idleShutdownMs: IDLE_SHUTDOWN_MS,
  });
}
