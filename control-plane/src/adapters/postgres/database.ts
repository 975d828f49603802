import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { runner as migrate } from "node-pg-migrate";
import pg from "pg";
import { dependencyUnavailable, Problem } from "../../domain/problem.ts";
import { createOutdated, type WaitsFor } from "./outdated.ts";

// Counters of batches and offsets outgrow a double; they stay texts.
export type Row = Record<string, unknown>;

/** Runs one statement; the same inside and outside of a transaction. */
export interface Queryable {
  query<T extends object>(text: string, values?: unknown[]): Promise<T[]>;
}

export interface Database extends Queryable {
  /**
   * Runs `work` in one transaction, rolled back when it throws. Where Postgres ends it for the sake of another one it is
   * run again, at most twice: it must change nothing but the database. So that this stays rare, rows are locked in one order:
   * keys of requests, pipelines, applications, jobs by their ids, operations, launches, runs, the journal; and never FOR UPDATE, since
   * whoever inserts a row that refers to a locked one would wait for it.
   */
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T>;
  /** Brings the schema up to date. */
  migrate(): Promise<void>;
  close(): Promise<void>;
}

const MIGRATIONS = fileURLToPath(new URL("../../../migrations", import.meta.url));

export interface TimeLimits {
  connectMs: number;
  /** Postgres itself ends a statement that takes longer */
  statementMs: number;
  /** an answer that takes longer does not come: Postgres is frozen, or the network swallows what is sent */
  answerMs: number;
}

const LIMITS: TimeLimits = { connectMs: 3_000, statementMs: 8_000, answerMs: 10_000 };

/**
 * Opens a pool; connections are made when they are needed, so this works while Postgres is away.
 * Statements fail with a 503 Problem while it is, and while the database is of an older version.
 */
export function openDatabase(
  url: string,
  onIdleError: (error: Error) => void,
  waitsFor: WaitsFor = () => null,
  limits = LIMITS,
): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max: 8,
    connectionTimeoutMillis: limits.connectMs,
    statement_timeout: limits.statementMs,
    query_timeout: limits.answerMs,
    keepAlive: true,
  });
  // A connection that dies while nobody uses it would otherwise end the process.
  pool.on("error", onIdleError);
  const explain = createOutdated(pool, MIGRATIONS, waitsFor);

  const on = (client: pg.Pool | pg.PoolClient): Queryable => ({
    query: async <T extends object>(text: string, values: unknown[] = []) =>
      (await away(client.query<T & Row>(text, values))).rows,
  });

  async function attempt<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    const client = await away(pool.connect());
    let broken: Error | undefined;
    try {
      await away(client.query("BEGIN"));
      const result = await work(on(client));
      await away(client.query("COMMIT"));
      return result;
    } catch (error) {
      // Whoever does not answer would not answer this either, and ends the transaction with the connection.
      if (error instanceof Problem && error.details.code === "dependency_unavailable") broken = error;
      else {
        await client.query("ROLLBACK").catch((rollback: Error) => {
          broken = rollback;
        });
      }
      throw error;
    } finally {
      client.release(broken);
    }
  }

  return {
    async query<T extends object>(text: string, values?: unknown[]) {
      try {
        return await on(pool).query<T>(text, values);
      } catch (error) {
        throw await explain(error);
      }
    },
    async transaction(work) {
      for (let made = 1; ; made += 1) {
        try {
          return await attempt(work);
        } catch (error) {
          const isEndedForAnother = error instanceof Error && ENDED_FOR_ANOTHER.includes(codeOf(error));
          if (!isEndedForAnother || made === ATTEMPTS) throw await explain(error);
        }
        // The other one, which waits for what this one held, has to be faster: or both meet again.
        await delay(PAUSE_MS);
      }
    },
    async migrate() {
      const client = await away(pool.connect());
      try {
        await migrate({
          dbClient: client,
          dir: MIGRATIONS,
          direction: "up",
          migrationsTable: "migrations",
          advisoryLockMode: "wait",
          log: () => undefined,
        });
      } finally {
        client.release();
      }
    },
    close: () => pool.end(),
  };
}

/** Tells "Postgres is away" from a mistake of ours. */
async function away<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Error && isConnectionError(error)) {
      throw dependencyUnavailable("Postgres", `Postgres does not answer: ${error.message || codeOf(error)}`, error);
    }
    throw error;
  }
}

const ATTEMPTS = 3;
const PAUSE_MS = 50;
/** Deadlock, and a transaction that cannot be put in order with another one. */
const ENDED_FOR_ANOTHER = ["40P01", "40001"];
/** The last one is a statement that took too long: a Postgres that is too slow is away, too. */
const CONNECTION_CODES = [
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "57P01",
  "57P02",
  "57P03",
  "57014",
];

function codeOf(error: Error): string {
  return "code" in error ? String(error.code) : "";
}

function isConnectionError(error: Error): boolean {
  const code = codeOf(error);
  return CONNECTION_CODES.includes(code) || code.startsWith("08") || /connection|timeout/i.test(error.message);
}
