import type { AlertStore } from "./alerts.ts";
import type { Journal } from "./journal.ts";
import type { Log } from "./log.ts";
import type { EventStore } from "./ports.ts";

const EVERY_MS = 60_000;
const PROGRESS_PER_JOB = 500;
const LEDGER_DAYS = 30;
const RESOLVED_ALERTS = 10_000;
/** Some hours of batches under load, and weeks of everything else. */
const JOURNAL = { batches: 20_000, others: 50_000 };

export interface Pruned {
  events: EventStore;
  journal: Journal;
  alerts: AlertStore;
}

/** Keeps the history of reports bounded. @returns how to stop it */
export function startHousekeeping({ events, journal, alerts }: Pruned, log: Log): () => void {
  const timer = setInterval(() => {
    Promise.all([
      events.prune(PROGRESS_PER_JOB, LEDGER_DAYS),
      journal.prune(JOURNAL),
      alerts.prune(RESOLVED_ALERTS),
    ]).catch((error: unknown) => log.warn({ err: error }, "cannot prune"));
  }, EVERY_MS);
  return () => clearInterval(timer);
}
