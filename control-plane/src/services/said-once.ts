import type { Log } from "./log.ts";

/**
 * Makes of work that is done again and again one that does not reject: what could not be done, because Postgres is away most likely, is tried
 * again the next time.
 * @param says what the log says then, in one line for as long as the trouble is the same
 */
export function saidOnce(work: () => Promise<void>, log: Pick<Log, "warn">, says: string): () => Promise<void> {
  let complaint: string | null = null;
  return async () => {
    try {
      await work();
      complaint = null;
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      if (text !== complaint) log.warn({ err: error }, says);
      complaint = text;
    }
  };
}
