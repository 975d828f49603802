import type { NewEvent } from "../../domain/event.ts";
import { shadowId } from "../../domain/generation.ts";
import type { LedgerStore } from "../../services/ledger.ts";
import type { LedgerRow } from "../../services/rows.ts";
import type { Database, Queryable } from "./database.ts";
import { insertEvents } from "./journal.ts";

export const LEDGER_COLUMNS = `job, "table", batch, kind, epoch, version, at, entry`;

/** A ledger entry with where and when it was committed. */
export interface Told {
  table: string;
  version: number;
  at: string | Date;
  entry: Record<string, unknown>;
}

/** The ledger of batches in Postgres. */
export function createLedgerStore(db: Database): LedgerStore {
  return {
    async harvested() {
      const rows = await db.query<{ path: string; version: string }>("SELECT path, version FROM harvests");
      return new Map(rows.map(({ path, version }) => [path, Number(version)]));
    },

    harvest: ({ path, table }, version, commits) =>
      db.transaction(async (tx) => {
        const batches = [];
        for (const commit of commits) {
          const counted = await saveEntry(tx, { ...commit, table });
          if (counted !== null) batches.push(batchEvent(counted, commit.version, commit.entry, null));
        }
        await tx.query(
          `INSERT INTO harvests (path, version) VALUES ($1, $2)
           ON CONFLICT (path) DO UPDATE SET version = greatest(harvests.version, excluded.version), updated_at = now()`,
          [path, version],
        );
        await insertEvents(tx, batches);
      }),

    entries: (generation, table, after, upTo) =>
      db.query<LedgerRow>(
        `SELECT ${LEDGER_COLUMNS} FROM ledger
         WHERE generation = $1 AND "table" = $2 AND version > $3 AND version <= $4 ORDER BY version`,
        [generation, table, after, upTo],
      ),

    async sums(generation, table, upTo) {
      // Those beyond are few: whoever asks is near the end of what is saved.
      const rows = await db.query<{ name: string; total: string }>(
        `SELECT name, trunc(sum(total))::text AS total FROM
           (SELECT name, total FROM ledger_sums WHERE generation = $1 AND "table" = $2
            UNION ALL
            SELECT named.key, -named.value::numeric FROM ledger, ${NAMED_ROWS}
            WHERE generation = $1 AND "table" = $2 AND version > $3) AS all_of
         GROUP BY name`,
        [generation, table, upTo],
      );
      return Object.fromEntries(rows.map(({ name, total }) => [name, BigInt(total)]));
    },
  };
}

/** What an entry says of rows, as pairs of name and number. */
const NAMED_ROWS = `jsonb_each_text(coalesce(entry->'rows', '{}') || jsonb_build_object('rowsIn', entry->'rowsIn')) AS named(key, value)`;

/** Forgotten by one statement, which must end within its time limit. */
const FORGOTTEN_AT_ONCE = 10_000;

/** Forgets entries that are older, but for the newest of each kind; what all added up to is kept with each that is saved. */
export async function pruneLedger(db: Queryable, days: number, atOnce = FORGOTTEN_AT_ONCE): Promise<void> {
  for (let forgotten = atOnce; forgotten === atOnce; ) forgotten = await forgetOldest(db, days, atOnce);
}

/** @returns how many were forgotten */
async function forgetOldest(db: Queryable, days: number, atMost: number): Promise<number> {
  const [row] = await db.query<{ forgotten: number }>(
    `WITH old AS (
       SELECT generation, "table", version FROM ledger WHERE at < now() - make_interval(days => $1) AND EXISTS
         (SELECT 1 FROM ledger newer WHERE newer.job = ledger.job AND newer.generation = ledger.generation
            AND newer."table" = ledger."table" AND newer.kind = ledger.kind AND newer.version > ledger.version)
       ORDER BY at LIMIT $2),
     gone AS (
       DELETE FROM ledger USING old WHERE ledger.generation = old.generation AND ledger."table" = old."table"
         AND ledger.version = old.version RETURNING 1)
     SELECT count(*)::int AS forgotten FROM gone`,
    [days, atMost],
  );
  return row?.forgotten ?? 0;
}

/**
 * Saves a ledger entry. Entries name a shadow by the job that it shadows: their generation and epoch say whose run it was.
 * @returns the job, or shadow job, whose run it counts for; null unless it tells of a batch that nobody has told of before
 */
export async function saveEntry(tx: Queryable, { table, version, at, entry }: Told): Promise<string | null> {
  const { batch, kind, rowsIn, ...rest } = entry;
  const saved = await tx.query(
    `WITH saved AS (
       INSERT INTO ledger (job, generation, "table", batch, kind, epoch, version, at, entry)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
       ON CONFLICT (generation, "table", version) DO NOTHING RETURNING generation, "table", version, entry),
     summed AS (
       INSERT INTO ledger_sums (generation, "table", name, total)
       SELECT generation, "table", named.key, named.value::numeric FROM saved, ${NAMED_ROWS}
       WHERE named.value::numeric <> 0 ORDER BY 3
       ON CONFLICT (generation, "table", name) DO UPDATE SET total = ledger_sums.total + excluded.total)
     SELECT version FROM saved`,
    [
      rest.job,
      rest.generation,
      table,
      batch ?? -1,
      kind,
      rest.epoch,
      version,
      at,
      JSON.stringify({ ...rest, rowsIn: rowsIn ?? 0 }),
    ],
  );
  if (kind !== "batch" || saved.length === 0) return null;
  // A job that writes two tables commits each batch twice: it counts with the first of its tables.
  const [counted] = await tx.query<{ job: string }>(
    `UPDATE runs SET batches = batches + 1, rows = rows + $3, outcomes =
       (SELECT coalesce(jsonb_object_agg(outcome, total), '{}') FROM
         (SELECT key AS outcome, sum(value::numeric) AS total
          FROM (SELECT * FROM jsonb_each_text(outcomes) UNION ALL SELECT * FROM jsonb_each_text($5)) AS both_of
          GROUP BY key) AS summed)
     FROM jobs
     WHERE runs.job = ANY($1) AND runs.generation = $6 AND runs.epoch = $2 AND jobs.id = runs.job
       AND jobs.spec->'writes'->>0 = $4
     RETURNING runs.job`,
    [
      ...[[rest.job, shadowId(String(rest.job), Number(rest.generation))], rest.epoch, rowsIn ?? 0, table],
      ...[JSON.stringify(rest.rows ?? {}), rest.generation],
    ],
  );
  return counted?.job ?? null;
}

/** The journal's event of a batch. @param job as people know it @param durationMs null where nobody told how long it took */
export function batchEvent(
  job: string,
  version: number,
  entry: Record<string, unknown>,
  durationMs: number | null,
): NewEvent {
  const { epoch, generation, batch, rowsIn, rows } = entry;
  const data = { epoch, generation, batch, version, rows: rowsIn ?? 0, outcomes: rows ?? {}, durationMs };
  return { type: "batch.committed", subjects: [job], data };
}
