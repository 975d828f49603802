import type { CatalogStore } from "../../services/ports.ts";
import type { ApplicationRow, GenerationRow, JobRow } from "../../services/rows.ts";
import type { Database } from "./database.ts";
import { declareSpecs } from "./declare.ts";
import { insertEvents } from "./journal.ts";

export const JOB_COLUMNS = `id, pipeline, application, spec, revision, desired, desired_since AS "desiredSince", stop_mode AS "stopMode",
  stop_timeout_ms AS "stopTimeoutMs", epoch, state, reason, state_since AS "stateSince", shadow_of AS "shadowOf", generation, shadow_in AS "shadowIn", retired_at AS "retiredAt"`;

/** What the services know of a generation. */
export const GENERATION_COLUMNS = `pipeline, number, live, state IN ('discarded', 'collected') AS "isGone", replay, tables, rules, start, inherits, held`;

export const APPLICATION_COLUMNS = "name, pipeline, spec, revision, dedicated";

/** It was a shadow's own, which is not in it any more, and its driver has ended. */
const IS_PAST = `EXISTS (SELECT 1 FROM jobs WHERE id = applications.name AND shadow_of IS NOT NULL
    AND (retired_at IS NOT NULL OR application <> applications.name))
  AND NOT EXISTS (SELECT 1 FROM launches WHERE launches.application = applications.name AND ended_at IS NULL)`;

/** Pipelines, generations, applications and jobs in Postgres. */
export function createCatalogStore(db: Database): CatalogStore {
  return {
    declare: (manifest, tables, rules) =>
      db.transaction(async (tx) => {
        await tx.query("INSERT INTO pipelines (name) VALUES ($1) ON CONFLICT DO NOTHING", [manifest.name]);
        await tx.query(
          `WITH first AS (
             INSERT INTO generations (pipeline, number, live, state, promoted_at, tables, rules)
             VALUES ($1, 1, true, 'live', now(), $2, $3) ON CONFLICT DO NOTHING RETURNING number)
           INSERT INTO generation_terms (pipeline, generation, since) SELECT $1, number, now() FROM first`,
          [manifest.name, tables, rules],
        );
        return declareSpecs(tx, manifest);
      }),

    async liveGeneration(pipeline) {
      const rows = await db.query<GenerationRow>(
        `SELECT ${GENERATION_COLUMNS} FROM generations WHERE pipeline = $1 AND live`,
        [pipeline],
      );
      return rows[0] ?? null;
    },

    generations: (pipeline) =>
      db.query<GenerationRow>(`SELECT ${GENERATION_COLUMNS} FROM generations WHERE pipeline = $1 ORDER BY number`, [
        pipeline,
      ]),

    async generationAt(pipeline, at) {
      const rows = await db.query<GenerationRow & { since: Date }>(
        // The last one that had begun by then; before all of them the first one.
        `SELECT ${GENERATION_COLUMNS}, since FROM generations JOIN generation_terms USING (pipeline)
         WHERE pipeline = $1 AND number = generation
         ORDER BY since <= $2 DESC, extract(epoch FROM since) * CASE WHEN since <= $2 THEN -1 ELSE 1 END LIMIT 1`,
        [pipeline, at ?? "infinity"],
      );
      return rows[0] ?? null;
    },

    applications: (past = false) =>
      db.query<ApplicationRow>(
        `SELECT ${APPLICATION_COLUMNS} FROM applications WHERE $1 OR NOT (${IS_PAST}) ORDER BY name`,
        [past],
      ),

    jobs: () => db.query<JobRow>(`SELECT ${JOB_COLUMNS} FROM jobs WHERE retired_at IS NULL ORDER BY id`),

    async job(id) {
      const rows = await db.query<JobRow>(`SELECT ${JOB_COLUMNS} FROM jobs WHERE id = $1`, [id]);
      return rows[0] ?? null;
    },

    saveState: (job, state, reason, rule) =>
      db.transaction(async (tx) => {
        const [before] = await tx.query<Pick<JobRow, "state">>(
          "SELECT state FROM jobs WHERE id = $1 FOR NO KEY UPDATE",
          [job],
        );
        await tx.query(
          `UPDATE jobs SET state_since = CASE WHEN state = $2 THEN state_since ELSE now() END, state = $2, reason = $3
           WHERE id = $1`,
          [job, state, reason],
        );
        if (before === undefined || before.state === state) return;
        const data = { from: before.state, to: state, reason, rule };
        await insertEvents(tx, [{ type: "job.state", subjects: [job], data }]);
      }),
  };
}
