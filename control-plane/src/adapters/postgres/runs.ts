import type { JobException } from "../../domain/sync.ts";
import type { RunRow, RunStore } from "../../services/ports.ts";
import type { Database } from "./database.ts";

const COLUMNS = `job, epoch, generation, launch, query_id AS "queryId", query_run_id AS "queryRunId",
  started_at AS "startedAt", stopping_since AS "stoppingSince", ended_at AS "endedAt", ended_by AS "endedBy",
  exception, certificate, batches, rows`;

/** Lives of jobs in Postgres. */
export function createRunStore(db: Database): RunStore {
  return {
    openRuns: () => db.query<RunRow>(`SELECT ${COLUMNS} FROM runs WHERE ended_at IS NULL`),

    list: (job, limit, beforeEpoch) =>
      db.query<RunRow>(
        `SELECT ${COLUMNS} FROM runs WHERE job = $1 AND ($3::integer IS NULL OR epoch < $3) ORDER BY epoch DESC LIMIT $2`,
        [job, limit, beforeEpoch],
      ),

    failures: (job, since) =>
      db.query<{ at: Date; exception: JobException | null }>(
        `SELECT ended_at AS at, exception FROM runs WHERE job = $1 AND ended_by = 'failure' AND ended_at > $2
         ORDER BY ended_at DESC LIMIT 50`,
        [job, since],
      ),

    start: (job, generation, launch) =>
      db.transaction(async (tx) => {
        const [row] = await tx.query<{ epoch: number }>(
          "UPDATE jobs SET epoch = epoch + 1 WHERE id = $1 RETURNING epoch",
          [job],
        );
        if (row === undefined) throw new Error(`no job ${job}`);
        await tx.query("INSERT INTO runs (job, epoch, generation, launch) VALUES ($1, $2, $3, $4)", [
          job,
          row.epoch,
          generation,
          launch,
        ]);
        return row.epoch;
      }),

    async stopping(job, epoch) {
      await db.query("UPDATE runs SET stopping_since = coalesce(stopping_since, now()) WHERE job = $1 AND epoch = $2", [
        job,
        epoch,
      ]);
    },

    async query(job, epoch, queryId, queryRunId) {
      await db.query("UPDATE runs SET query_id = $3, query_run_id = $4 WHERE job = $1 AND epoch = $2", [
        job,
        epoch,
        queryId,
        queryRunId,
      ]);
    },

    async end(job, epoch, end) {
      await db.query(
        `UPDATE runs SET ended_at = now(), ended_by = $3, exception = $4, certificate = $5
         WHERE job = $1 AND epoch = $2 AND ended_at IS NULL`,
        [job, epoch, end.endedBy, end.exception, end.certificate],
      );
    },
  };
}
