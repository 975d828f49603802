import type { NewEvent } from "../../domain/event.ts";
import type { RunnerEvent } from "../../domain/sync.ts";
import type { EventStore, HeardEvent } from "../../services/ports.ts";
import type { LedgerRow, ProgressRow } from "../../services/rows.ts";
import type { Database, Queryable } from "./database.ts";
import { insertEvents } from "./journal.ts";
import { batchEvent, LEDGER_COLUMNS, pruneLedger, saveEntry, type Told } from "./ledger.ts";
import { settleOverride } from "./overrides.ts";

const PROGRESS = "id, job, generation, epoch, type, at, data";

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
        const unsaved = events.filter((event) => event.sequence > last).sort((a, b) => a.sequence - b.sequence);
        const fresh = unsaved.length === 0 ? [] : await findSubjects(tx, unsaved);
        const committed: NewEvent[] = [];
        for (const event of fresh) {
          if (event.type !== "batch") {
            if (event.type === "override") committed.push(...(await settleOverride(tx, event)));
            await saveReport(tx, event);
            continue;
          }
          const commit = told(event);
          const counted = await saveEntry(tx, commit);
          if (counted !== null)
            committed.push(batchEvent(counted, commit.version, commit.entry, durationOf(event, fresh)));
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
        `SELECT ${LEDGER_COLUMNS} FROM ledger
         WHERE job = $1 AND generation = $2 AND "table" = $3 AND ($4::text IS NULL OR kind = $4)
         ORDER BY version DESC LIMIT 1`,
        [job, generation, table, kind],
      );
      return rows[0] ?? null;
    },

    async batchEntry(job, generation, batch) {
      const rows = await db.query<LedgerRow>(
        `SELECT ${LEDGER_COLUMNS} FROM ledger
         WHERE job = $1 AND generation = $2 AND "table" = (SELECT spec->'writes'->>0 FROM jobs WHERE id = $1)
           AND kind = 'batch' AND batch = $3
         ORDER BY version DESC LIMIT 1`,
        [job, generation, batch],
      );
      return rows[0] ?? null;
    },

    async prune(progressPerJob) {
      await db.query(
        `DELETE FROM progress USING jobs WHERE progress.job = jobs.id AND progress.id <=
           (SELECT p.id FROM progress p WHERE p.job = jobs.id ORDER BY p.id DESC OFFSET $1 LIMIT 1)`,
        [progressPerJob],
      );
    },

    pruneLedger: (days) => pruneLedger(db, days),
  };
}

/** A runner names a shadow by the job that it shadows and its generation. What comes of one that has retired is told of the job. */
async function findSubjects(tx: Queryable, events: RunnerEvent[]): Promise<HeardEvent[]> {
  const rows = await tx.query<{ id: string; job: string; generation: number }>(
    "SELECT id, shadow_of AS job, generation FROM jobs WHERE shadow_of IS NOT NULL AND retired_at IS NULL",
  );
  const shadows = new Map(rows.map(({ id, job, generation }) => [`${job}/${generation}`, id]));
  return events.map((event) => ({ ...event, about: shadows.get(`${event.job}/${event.generation}`) ?? event.job }));
}

async function saveReport(tx: Queryable, event: HeardEvent): Promise<void> {
  await tx.query(
    `INSERT INTO progress (job, generation, epoch, type, at, data)
     SELECT $1, $2, $3, $4, $5, $6 WHERE EXISTS (SELECT 1 FROM jobs WHERE id = $1)`,
    [event.about, event.generation, event.epoch, event.type, event.at, JSON.stringify(event.data)],
  );
}

/** The entry of a commit that a runner tells of. */
function told({ data, job, generation, epoch, at }: RunnerEvent): Told {
  const { table, version, committedAt, ...entry } = data;
  // The run that committed it: one that finds its predecessor's last batch in its table reports that one again.
  const committedBy = typeof data.epoch === "number" ? data.epoch : epoch;
  return {
    table: String(table),
    version: Number(version),
    // What is told late, because nobody listened or the runner had died, was committed all the same when it was.
    at: typeof committedAt === "string" ? committedAt : at,
    entry: { ...entry, job, generation, epoch: committedBy },
  };
}

/** The duration is known when the query's progress came along in the same call. */
function durationOf(event: HeardEvent, all: HeardEvent[]): number | null {
  const progress = all.find(
    ({ type, about, data }) => type === "progress" && about === event.about && data.batchId === event.data.batch,
  );
  const durations = progress?.data.durationMs as Record<string, number> | undefined;
  return durations?.triggerExecution ?? null;
}
