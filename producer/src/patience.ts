import { setTimeout as sleep } from "node:timers/promises";

/** How long to try again what does not work. */
export interface Patience {
  /** undefined: until it works */
  attempts: number | undefined;
  /** ends all waiting */
  signal: AbortSignal;
  /** told about each failure, and when it worked after all */
  log: (line: string) => void;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

/**
 * Tries until it works, with growing pauses.
 * @param isTransient tells failures that may pass from those that will not
 * @throws the last failure, when patience has come to its end or the failure is not transient
 */
export async function persist<T>(
  action: () => Promise<T>,
  isTransient: (error: Error) => boolean,
  { attempts, signal, log }: Patience,
): Promise<T> {
  const since = Date.now();
  for (let attempt = 1; ; attempt += 1) {
    try {
      const result = await action();
      if (attempt > 1) log(`Working again after ${Math.round((Date.now() - since) / 1000)} s.`);
      return result;
    } catch (error) {
      const failure = error as Error;
      if (!isTransient(failure) || attempt === attempts || signal.aborted) throw failure;
      const pause = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
      log(`${failure.message} Trying again in ${pause / 1000} s.`);
      await sleep(pause, undefined, { signal }).catch(() => {});
      if (signal.aborted) throw failure;
    }
  }
}
