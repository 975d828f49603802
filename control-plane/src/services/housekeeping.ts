import type { Journal } from "./journal.ts";
import type { Log } from "./log.ts";
import type { EventStore } from "./ports.ts";

const EVERY_MS = 60_000;
const PROGRESS_PER_JOB = 500;
const LEDGER_DAYS = 30;
/** Some hours of batches under load, and weeks of everything else. */
const JOURNAL = { batches: 20_000, others: 50_000 };

/** Keeps the history of reports bounded. @returns how to stop it */
export function startHousekeeping(events: EventStore, journal: Journal, log: Log): () => void {
  const timer = setInterval(() => {
    Promise.all([events.prune(PROGRESS_PER_JOB, LEDGER_DAYS), journal.prune(JOURNAL)]).catch((error: unknown) =>
      log.warn({ err: error }, "cannot prune"),
    );
  }, EVERY_MS);
  return () => clearInterval(timer);
}
