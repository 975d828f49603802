import { createLivePointer } from "../adapters/live-pointer.ts";
import type { Config } from "../config.ts";
import type { Manifest } from "../domain/manifest.ts";
import type { Alerts } from "../services/alerts.ts";
import { followedTables } from "../services/generations/followed-tables.ts";
import { PointerWatch } from "../services/generations/pointer-watch.ts";
import { LedgerHarvest } from "../services/ledger-harvest.ts";
import { liveTables } from "../services/live-tables.ts";
import type { Log } from "../services/log.ts";
import { Reconciliation } from "../services/reconciliation/reconciliation.ts";
import type { TopicWatch } from "../services/topic-watch.ts";
import type { Outside } from "./outside.ts";

/** What keeps the ledger whole, compares the tables with it, and says in the lake which of them are live; only the control plane that decides runs it. */
export interface Auditing {
  harvest: LedgerHarvest;
  reconciliation: Reconciliation;
  start(): void;
  stop(): Promise<void>;
}

/** Wires what follows the tables. */
export function createAuditing(
  outside: Outside,
  parts: { config: Config; manifest: Manifest; watch: TopicWatch; alerts: Alerts; log: Log },
): Auditing {
  const { config, manifest, watch, alerts, log } = parts;
  const { catalog, ledger, lake, auditEngine, clock } = outside;
  const generations = liveTables(catalog, manifest.name, config.lakeDir);
  const { lakeDir } = config;
  const followed = () => followedTables(catalog, manifest.name, lakeDir);
  const harvest = new LedgerHarvest({ followed, lakeDir, tables: lake, store: ledger, alerts, clock, log });
  const reconciliation = new Reconciliation({
    generations,
    rules: async () => ({ ...manifest.parameters, ...(await catalog.liveGeneration(manifest.name))?.rules }),
    tables: { log: lake, engine: auditEngine, files: outside.dataFiles },
    ledger,
    overrides: outside.overrides,
    store: outside.reconciliations,
    topic: manifest.topics.events.name,
    watch,
    lakeDir,
    limits: config.reconciliation,
    alerts,
    clock,
    log,
  });
  const pointer = new PointerWatch({
    pipeline: manifest.name,
    catalog,
    write: createLivePointer(lakeDir),
    // What is live now has had no check yet, or an old one.
    onChange: () => void reconciliation.attempt(),
    log,
  });
  return {
    harvest,
    reconciliation,
    start() {
      pointer.start();
      harvest.start();
      reconciliation.start();
    },
    async stop() {
      const stopped = Promise.all([pointer.stop(), harvest.stop(), reconciliation.stop()]);
      auditEngine.interrupt();
      await stopped;
    },
  };
}
