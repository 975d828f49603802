import { shadowId } from "../../domain/generation.ts";
import type { RunStore } from "../../services/ports.ts";
import type { RunDetails, RunFailure, RunRow } from "../../services/rows.ts";
import type { Database } from "./database.ts";
import { insertEvents } from "./journal.ts";

export const RUN_COLUMNS = `job, epoch, generation, launch, spec, spec_revision AS "specRevision", query_id AS "queryId", query_run_id AS "queryRunId",
  started_at AS "startedAt", stopping_since AS "stoppingSince", ended_at AS "endedAt", ended_by AS "endedBy",
  exception, certificate, batches, rows`;

const DETAILS = `SELECT runs.*, launches.application, launches.submission_id AS "submissionId",
    launches.driver_id AS "driverId", launches.spark_app_id AS "sparkAppId", operations.requested_by AS "endedByActor"
  FROM (SELECT ${RUN_COLUMNS}, operation, outcomes FROM runs) AS runs
  JOIN launches ON launches.id = runs.launch LEFT JOIN operations ON operations.id = runs.operation`;

/** Lives of jobs in Postgres. */
export function createRunStore(db: Database): RunStore {
  return {
    openRuns: () => db.query<RunRow>(`SELECT ${RUN_COLUMNS} FROM runs WHERE ended_at IS NULL`),

    list: (job, limit, beforeEpoch) =>
      db.query<RunDetails>(
        `${DETAILS} WHERE runs.job = $1 AND ($3::integer IS NULL OR epoch < $3) ORDER BY epoch DESC LIMIT $2`,
        [job, limit, beforeEpoch],
      ),

    async find(job, epoch) {
      const rows = await db.query<RunDetails>(`${DETAILS} WHERE runs.job = $1 AND epoch = $2`, [job, epoch]);
      return rows[0] ?? null;
    },

    async findOf(job, generation, epoch) {
      const rows = await db.query<RunDetails>(
        `${DETAILS} WHERE runs.job = ANY($1) AND runs.generation = $2 AND runs.epoch = $3`,
        [[job, shadowId(job, generation)], generation, epoch],
      );
      return rows[0] ?? null;
    },

    failures: (job, since) =>
      db.query<RunFailure>(
        `SELECT ended_at AS at, exception, last_words AS "lastWords" FROM runs WHERE job = $1 AND ended_by = 'failure' AND ended_at > $2
         ORDER BY ended_at DESC LIMIT 50`,
        [job, since],
      ),

    async keepLastWords(job, epoch, words) {
      await db.query("UPDATE runs SET last_words = $3 WHERE job = $1 AND epoch = $2", [job, epoch, words]);
    },

    start: (job, generation, launch, live) =>
      db.transaction(async (tx) => {
        // In a statement of its own: one that waits here for a promotion would still see the generation of before.
        await tx.query("SELECT 1 FROM jobs WHERE id = $1 FOR NO KEY UPDATE", [job]);
        const [row] = await tx.query<RunRow>(
          `WITH claimed AS (UPDATE jobs SET epoch = epoch + 1 WHERE id = $1 AND application = (SELECT application FROM launches WHERE id = $3)
               AND retired_at IS NULL AND (shadow_of IS NOT NULL OR EXISTS
                 (SELECT 1 FROM generations WHERE pipeline = jobs.pipeline AND generations.live AND number = $4))
             RETURNING id, epoch, spec, revision)
           INSERT INTO runs (job, epoch, generation, launch, spec, spec_revision)
             SELECT id, epoch, $2, $3, spec, revision FROM claimed RETURNING ${RUN_COLUMNS}`,
          [job, generation, launch, live],
        );
        if (row === undefined) return null;
        const data = { epoch: row.epoch, generation, launch, specRevision: row.specRevision };
        await insertEvents(tx, [{ type: "run.opened", subjects: [job, launch], data }]);
        return row;
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

    end: (job, epoch, end) =>
      db.transaction(async (tx) => {
        // The newest request that could end it: an opposite one may have been made since, and did not.
        const [run] = await tx.query<{ launch: string; operation: string | null; batches: string; rows: string }>(
          `UPDATE runs SET ended_at = now(), ended_by = $3, exception = $4, certificate = $5,
             operation = CASE WHEN $3 = 'request' THEN
               (SELECT id FROM operations o WHERE kind <> 'start' AND created_at > runs.started_at
                  AND (o.job = runs.job OR o.from_launch = runs.launch)
                ORDER BY created_at DESC LIMIT 1) END
           WHERE job = $1 AND epoch = $2 AND ended_at IS NULL RETURNING launch, operation, batches, rows`,
          [job, epoch, end.endedBy, end.exception, end.certificate],
        );
        if (run === undefined) return;
        const { launch, ...counts } = run;
        const exception =
          end.exception === null ? null : { class: end.exception.class, message: end.exception.message };
        const subjects = [job, launch, ...(run.operation === null ? [] : [run.operation])];
        const data = { epoch, endedBy: end.endedBy, exception, ...counts };
        await insertEvents(tx, [{ type: "run.closed", subjects, data }]);
      }),
  };
}
