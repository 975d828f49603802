import type { Log } from "./log.ts";
import type { EventStore } from "./ports.ts";

const EVERY_MS = 60_000;
const PROGRESS_PER_JOB = 500;
const LEDGER_DAYS = 30;

/** Keeps the history of reports bounded. @returns how to stop it */
export function startHousekeeping(events: EventStore, log: Log): () => void {
  const timer = setInterval(() => {
    events.prune(PROGRESS_PER_JOB, LEDGER_DAYS).catch((error: unknown) => log.warn({ err: error }, "cannot prune"));
  }, EVERY_MS);
  return () => clearInterval(timer);
}
