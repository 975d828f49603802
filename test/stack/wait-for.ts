import { setTimeout as sleep } from "node:timers/promises";

/** What to wait for, and how long. */
export interface Wait {
  /** milliseconds */
  timeout: number;
  /** what is awaited, as the end of "Waited 30 s for …" */
  what: string;
  /** milliseconds between two looks */
  interval?: number;
  signal?: AbortSignal;
}

/**
 * Looks again and again until there is something to return.
 * @param look gives what was awaited, or `{ pending }` with what it saw instead; may throw, which counts as seen
 * @throws when the time is over, saying what was awaited and what was seen last; at once when the signal comes
 */
export async function waitFor<T>(look: () => Promise<T | { pending: unknown }>, wait: Wait): Promise<T> {
  const { timeout, what, interval = 100, signal } = wait;
  const deadline = Date.now() + timeout;
  for (;;) {
    signal?.throwIfAborted();
    const seen = await look().catch((error: Error) => ({ pending: error.message }));
    if (!isPending(seen)) return seen;
    if (Date.now() >= deadline) {
      throw new Error(`Waited ${Math.round(timeout / 1000)} s for ${what}; last seen: ${describe(seen.pending)}`);
    }
    await sleep(interval);
  }
}

function isPending(seen: unknown): seen is { pending: unknown } {
  return typeof seen === "object" && seen !== null && "pending" in seen;
}

function describe(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
