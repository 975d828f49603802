import type { NewEvent } from "../../domain/event.ts";
import type { LastWords } from "../../services/last-words.ts";
import type { LaunchStore } from "../../services/ports.ts";
import type { LaunchRow } from "../../services/rows.ts";
import type { Database } from "./database.ts";
import { insertEvents } from "./journal.ts";

export const LAUNCH_COLUMNS = `id, application, spec, spec_revision AS "specRevision", recorded_at AS "recordedAt", submitting_at AS "submittingAt",
  submission_id AS "submissionId", adopted_at AS "adoptedAt", driver_id AS "driverId", spark_app_id AS "sparkAppId",
  host, processes, control_planes AS "controlPlanes", last_sync_at AS "lastSyncAt", leaving_at AS "leavingAt", kill_requested_at AS "killRequestedAt", declared_dead_by AS "declaredDeadBy", ended_at AS "endedAt", end_reason AS "endReason", failed, last_words AS "lastWords",
  retiring_at AS "retiringAt", stop_mode AS "stopMode", stop_timeout_ms AS "stopTimeoutMs"`;

/** Submissions of applications in Postgres. */
export function createLaunchStore(db: Database): LaunchStore {
  return {
    open: () => db.query<LaunchRow>(`SELECT ${LAUNCH_COLUMNS} FROM launches WHERE ended_at IS NULL`),

    recent: (application, limit) =>
      db.query<LaunchRow>(
        `SELECT ${LAUNCH_COLUMNS} FROM launches WHERE application = $1 ORDER BY recorded_at DESC LIMIT $2`,
        [application, limit],
      ),

    async find(id) {
      const rows = await db.query<LaunchRow>(`SELECT ${LAUNCH_COLUMNS} FROM launches WHERE id = $1`, [id]);
      return rows[0] ?? null;
    },

    failures: (application, since) =>
      db.query<{ at: Date; reason: string; lastWords: LastWords | null }>(
        `SELECT ended_at AS at, end_reason AS reason, last_words AS "lastWords" FROM launches
         WHERE application = $1 AND failed AND ended_at > $2 ORDER BY ended_at DESC LIMIT 50`,
        [application, since],
      ),

    record: (id, application) =>
      db.transaction(async (tx) => {
        await tx.query("INSERT INTO launches (id, application) VALUES ($1, $2)", [id, application]);
        await insertEvents(tx, [event("launch.recorded", id, application, {})]);
      }),

    async submitting(id, sent) {
      await db.query(
        `UPDATE launches SET submitting_at = CASE WHEN $2::jsonb IS NOT NULL THEN now() END, spec = $2, spec_revision = $3,
           control_planes = $4
         WHERE id = $1`,
        [id, sent?.spec ?? null, sent?.revision ?? null, sent?.controlPlanes ?? null],
      );
    },

    submitted: (id, submissionId) =>
      db.transaction(async (tx) => {
        const [launch] = await tx.query<{ application: string }>(
          "UPDATE launches SET submission_id = $2 WHERE id = $1 RETURNING application",
          [id, submissionId],
        );
        if (launch === undefined) return;
        await insertEvents(tx, [event("launch.submitted", id, launch.application, { submissionId })]);
      }),

    async keepLastWords(id, words) {
      await db.query("UPDATE launches SET last_words = $2 WHERE id = $1", [id, words]);
    },

    async requestKill(id) {
      await db.query("UPDATE launches SET kill_requested_at = coalesce(kill_requested_at, now()) WHERE id = $1", [id]);
    },

    called: (id, sync) =>
      db.transaction(async (tx) => {
        const [launch] = await tx.query<{ application: string; isFirst: boolean }>(
          `UPDATE launches SET adopted_at = coalesce(adopted_at, now()), last_sync_at = now(), host = $2, processes = $3,
           driver_id = coalesce($4, driver_id), spark_app_id = coalesce($5, spark_app_id),
           submission_id = coalesce(submission_id, $4),
           leaving_at = CASE WHEN $6 THEN coalesce(leaving_at, now()) END, control_planes = coalesce($7, control_planes)
         WHERE id = $1 AND ended_at IS NULL RETURNING application, adopted_at = now() AS "isFirst"`,
          [
            id,
            sync.host,
            JSON.stringify(sync.processes),
            sync.driverId ?? null,
            sync.sparkAppId ?? null,
            sync.state === "stopping",
            sync.controlPlanes ?? null,
          ],
        );
        // now() is the moment at which this transaction began: only the first call has set it.
        if (launch?.isFirst !== true) return;
        const data = { driverId: sync.driverId ?? null, sparkAppId: sync.sparkAppId ?? null, host: sync.host };
        await insertEvents(tx, [event("launch.adopted", id, launch.application, data)]);
      }),

    end: (id, reason, failed) =>
      db.transaction(async (tx) => {
        const [launch] = await tx.query<{ application: string }>(
          `UPDATE launches SET ended_at = now(), end_reason = $2, failed = $3
           WHERE id = $1 AND ended_at IS NULL RETURNING application`,
          [id, reason, failed],
        );
        if (launch === undefined) return;
        await insertEvents(tx, [event("launch.ended", id, launch.application, { reason, failed })]);
      }),
  };
}

function event(type: NewEvent["type"], launch: string, application: string, data: NewEvent["data"]): NewEvent {
  return { type, subjects: [application, launch], data: { application, launch, ...data } };
}
