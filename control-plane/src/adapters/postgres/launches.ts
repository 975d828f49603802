import type { LaunchRow, LaunchStore } from "../../services/ports.ts";
import type { Database } from "./database.ts";

const COLUMNS = `id, application, recorded_at AS "recordedAt", submitting_at AS "submittingAt",
  submission_id AS "submissionId", adopted_at AS "adoptedAt", driver_id AS "driverId", spark_app_id AS "sparkAppId",
  host, processes, last_sync_at AS "lastSyncAt", leaving_at AS "leavingAt", kill_requested_at AS "killRequestedAt", declared_dead_by AS "declaredDeadBy", ended_at AS "endedAt", end_reason AS "endReason", failed`;

/** Submissions of applications in Postgres. */
export function createLaunchStore(db: Database): LaunchStore {
  return {
    open: () => db.query<LaunchRow>(`SELECT ${COLUMNS} FROM launches WHERE ended_at IS NULL`),

    recent: (application, limit) =>
      db.query<LaunchRow>(`SELECT ${COLUMNS} FROM launches WHERE application = $1 ORDER BY recorded_at DESC LIMIT $2`, [
        application,
        limit,
      ]),

    failures: (application, since) =>
      db.query<{ at: Date; reason: string }>(
        `SELECT ended_at AS at, end_reason AS reason FROM launches
         WHERE application = $1 AND failed AND ended_at > $2 ORDER BY ended_at DESC LIMIT 50`,
        [application, since],
      ),

    async record(id, application) {
      await db.query("INSERT INTO launches (id, application) VALUES ($1, $2)", [id, application]);
    },

    async submitting(id, attempted) {
      await db.query("UPDATE launches SET submitting_at = CASE WHEN $2 THEN now() END WHERE id = $1", [id, attempted]);
    },

    async submitted(id, submissionId) {
      await db.query("UPDATE launches SET submission_id = $2 WHERE id = $1", [id, submissionId]);
    },

    async called(id, sync) {
      await db.query(
        `UPDATE launches SET adopted_at = coalesce(adopted_at, now()), last_sync_at = now(), host = $2, processes = $3,
           driver_id = coalesce($4, driver_id), spark_app_id = coalesce($5, spark_app_id),
           submission_id = coalesce(submission_id, $4),
           leaving_at = CASE WHEN $6 THEN coalesce(leaving_at, now()) END
         WHERE id = $1 AND ended_at IS NULL`,
        [
          id,
          sync.host,
          JSON.stringify(sync.processes),
          sync.driverId ?? null,
          sync.sparkAppId ?? null,
          sync.state === "stopping",
        ],
      );
    },

    async end(id, reason, failed) {
      await db.query(
        "UPDATE launches SET ended_at = now(), end_reason = $2, failed = $3 WHERE id = $1 AND ended_at IS NULL",
        [id, reason, failed],
      );
    },
  };
}
