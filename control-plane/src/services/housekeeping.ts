import type { AlertStore } from "./alerts.ts";
import type { Journal } from "./journal.ts";
import type { Log } from "./log.ts";
import type { EventStore } from "./ports.ts";

const EVERY_MS = 60_000;
/** Of a month of entries few grow too old in a minute. */
const LEDGER_EVERY_MS = 10 * 60_000;
const PROGRESS_PER_JOB = 500;
const LEDGER_DAYS = 30;
const RESOLVED_ALERTS = 10_000;
/** Some hours of batches under load, and weeks of everything else. */
const JOURNAL = { batches: 20_000, others: 50_000 };

/** Of those that have ended: months of them, but for a crash loop. */
const HISTORY: HistoryKept = { runsPerJob: 500, launchesPerApplication: 200, operationsPerSubject: 500 };

export interface HistoryKept {
  runsPerJob: number;
  launchesPerApplication: number;
  /** of each job and of each application */
  operationsPerSubject: number;
}

export interface History {
  /** Forgets ended runs, launches and operations but for the newest; what they had counted stays in the totals. */
  prune(kept: HistoryKept): Promise<void>;
}

export interface Pruned {
  events: EventStore;
  journal: Journal;
  alerts: AlertStore;
  history: History;
}

/** Keeps the history of reports bounded. @returns how to stop it */
export function startHousekeeping({ events, journal, alerts, history }: Pruned, log: Log): () => void {
  const complain = (error: unknown) => log.warn({ err: error }, "cannot prune");
  const timer = setInterval(() => {
    Promise.all([
      events.prune(PROGRESS_PER_JOB),
      journal.prune(JOURNAL),
      alerts.prune(RESOLVED_ALERTS),
      history.prune(HISTORY),
    ]).catch(complain);
  }, EVERY_MS);
  const ledger = setInterval(() => void events.pruneLedger(LEDGER_DAYS).catch(complain), LEDGER_EVERY_MS);
  return () => {
    clearInterval(timer);
    clearInterval(ledger);
  };
}
