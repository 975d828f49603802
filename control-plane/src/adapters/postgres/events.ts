import type { NewEvent } from "../../domain/event.ts";
import type { RunnerEvent } from "../../domain/sync.ts";
import type { EventStore } from "../../services/ports.ts";
import type { LedgerRow, ProgressRow } from "../../services/rows.ts";
import type { Database, Queryable } from "./database.ts";
import { insertEvents } from "./journal.ts";

const PROGRESS = "id, job, generation, epoch, type, at, data";
const LEDGER = `job, "table", batch, kind, epoch, version, at, entry`;

/** What runners report: progress and the batch ledger, in Postgres. */
export function createEventStore(db: Database): EventStore {
  return {
    save: (launch, events) =>
      db.transaction(async (tx) => {
        const [row] = await tx.query<{ last: string }>(
          "SELECT last_sequence AS last FROM launches WHERE id = $1 FOR NO KEY UPDATE",
          [launch],
        );
        const last = Number(row?.last ?? 0);
        const fresh = events.filter((event) => event.sequence > last).sort((a, b) => a.sequence - b.sequence);
        const committed: NewEvent[] = [];
        for (const event of fresh) {
          if (event.type !== "batch") await saveReport(tx, event);
          else if (await saveEntry(tx, event)) committed.push(toEvent(event, fresh));
        }
        const newest = fresh.at(-1)?.sequence ?? last;
        if (newest > last) await tx.query("UPDATE launches SET last_sequence = $2 WHERE id = $1", [launch, newest]);
        await insertEvents(tx, committed);
        return { newest, fresh };
      }),

    progress: (job, { limit, beforeId, type }) =>
      db.query<ProgressRow>(
        `SELECT ${PROGRESS} FROM progress
         WHERE job = $1 AND ($3::bigint IS NULL OR id < $3) AND ($4::text IS NULL OR type = $4) ORDER BY id DESC LIMIT $2`,
        [job, limit, beforeId, type],
      ),

    async newestProgress(job, batch = null) {
      // Batches without a commit of their own follow the last one that has one: the one asked for is not far back.
      const rows = await db.query<ProgressRow>(
        `SELECT ${PROGRESS} FROM
           (SELECT * FROM progress WHERE job = $1 AND type = 'progress' ORDER BY id DESC LIMIT 50) AS newest
         WHERE $2::text IS NULL OR data->>'batchId' = $2 ORDER BY id DESC LIMIT 1`,
        [job, batch],
      );
      return rows[0] ?? null;
    },

    async newestEntry(job, generation, table, kind) {
      const rows = await db.query<LedgerRow>(
        `SELECT ${LEDGER} FROM ledger
         WHERE job = $1 AND generation = $2 AND "table" = $3 AND ($4::text IS NULL OR kind = $4)
         ORDER BY version DESC LIMIT 1`,
        [job, generation, table, kind],
      );
      return rows[0] ?? null;
    },

    async prune(progressPerJob, ledgerDays) {
      await db.query(
        `DELETE FROM progress USING jobs WHERE progress.job = jobs.id AND progress.id <=
           (SELECT p.id FROM progress p WHERE p.job = jobs.id ORDER BY p.id DESC OFFSET $1 LIMIT 1)`,
        [progressPerJob],
      );
      await db.query(
        `DELETE FROM ledger old WHERE at < now() - make_interval(days => $1) AND EXISTS
           (SELECT 1 FROM ledger newer WHERE newer.job = old.job AND newer.generation = old.generation
              AND newer."table" = old."table" AND newer.kind = old.kind AND newer.version > old.version)`,
        [ledgerDays],
      );
    },
  };
}

async function saveReport(tx: Queryable, event: RunnerEvent): Promise<void> {
  await tx.query(
    `INSERT INTO progress (job, generation, epoch, type, at, data)
     SELECT $1, $2, $3, $4, $5, $6 WHERE EXISTS (SELECT 1 FROM jobs WHERE id = $1)`,
    [event.job, event.generation, event.epoch, event.type, event.at, JSON.stringify(event.data)],
  );
}

/** Saves a ledger entry. @returns true when it tells of a batch that nobody has told of before */
async function saveEntry(tx: Queryable, event: RunnerEvent): Promise<boolean> {
  const { table, version, batch, kind, rowsIn, ...rest } = event.data;
  const [saved] = await tx.query<{ inserted: boolean }>(
    `INSERT INTO ledger (job, generation, "table", batch, kind, epoch, version, at, entry)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     ON CONFLICT (job, generation, "table", batch, kind)
       DO UPDATE SET version = excluded.version, at = excluded.at, entry = excluded.entry, epoch = excluded.epoch
       WHERE excluded.version > ledger.version
     RETURNING xmax = 0 AS inserted`,
    [
      event.job,
      event.generation,
      table,
      batch ?? -1,
      kind,
      epochOf(event),
      version,
      event.at,
      JSON.stringify({ ...rest, rowsIn: rowsIn ?? 0 }),
    ],
  );
  if (kind !== "batch" || saved?.inserted !== true) return false;
  // A job that writes two tables commits each batch twice: it counts with the first of its tables.
  const counted = await tx.query(
    `UPDATE runs SET batches = batches + 1, rows = rows + $3, outcomes =
       (SELECT coalesce(jsonb_object_agg(outcome, total), '{}') FROM
         (SELECT key AS outcome, sum(value::numeric) AS total
          FROM (SELECT * FROM jsonb_each_text(outcomes) UNION ALL SELECT * FROM jsonb_each_text($5)) AS both_of
          GROUP BY key) AS summed)
     FROM jobs
     WHERE runs.job = $1 AND runs.epoch = $2 AND jobs.id = runs.job AND jobs.spec->'writes'->>0 = $4
     RETURNING runs.epoch`,
    [event.job, epochOf(event), rowsIn ?? 0, table, JSON.stringify(rest.rows ?? {})],
  );
  return counted.length === 1;
}

/** The run that committed it: one that finds its predecessor's last batch in its table reports that one again. */
function epochOf({ data, epoch }: RunnerEvent): number {
  return typeof data.epoch === "number" ? data.epoch : epoch;
}

/** The duration is known when the query's progress came along in the same call. */
function toEvent(event: RunnerEvent, all: RunnerEvent[]): NewEvent {
  const { batch, rowsIn, rows, version } = event.data;
  const progress = all.find(
    ({ type, job, data }) => type === "progress" && job === event.job && data.batchId === batch,
  );
  const durations = progress?.data.durationMs as Record<string, number> | undefined;
  const data = {
    epoch: epochOf(event),
    generation: event.generation,
    batch,
    version,
    rows: rowsIn ?? 0,
    outcomes: rows ?? {},
    durationMs: durations?.triggerExecution ?? null,
  };
  return { type: "batch.committed", subjects: [event.job], data };
}
