import type { NewEvent } from "../../domain/event.ts";
import type { RunnerEvent } from "../../domain/sync.ts";
import type { EventStore } from "../../services/ports.ts";
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
        const fresh = events.filter((event) => event.sequence > last).sort((a, b) => a.sequence - b.sequence);
        const committed: NewEvent[] = [];
        for (const event of fresh) {
          if (event.type !== "batch") {
            if (event.type === "override") committed.push(...(await settleOverride(tx, event)));
            await saveReport(tx, event);
            continue;
          }
          const commit = told(event);
          if (await saveEntry(tx, commit))
            committed.push(batchEvent(commit.version, commit.entry, durationOf(event, fresh)));
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

async function saveReport(tx: Queryable, event: RunnerEvent): Promise<void> {
  await tx.query(
    `INSERT INTO progress (job, generation, epoch, type, at, data)
     SELECT $1, $2, $3, $4, $5, $6 WHERE EXISTS (SELECT 1 FROM jobs WHERE id = $1)`,
    [event.job, event.generation, event.epoch, event.type, event.at, JSON.stringify(event.data)],
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
function durationOf(event: RunnerEvent, all: RunnerEvent[]): number | null {
  const progress = all.find(
    ({ type, job, data }) => type === "progress" && job === event.job && data.batchId === event.data.batch,
  );
  const durations = progress?.data.durationMs as Record<string, number> | undefined;
  return durations?.triggerExecution ?? null;
}
