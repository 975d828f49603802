import type { NewEvent } from "../../domain/event.ts";
import type { OperationStep } from "../../domain/lifecycle/operation.ts";
import type { OperationStore } from "../../services/ports.ts";
import type { OperationRow } from "../../services/rows.ts";
import type { Database } from "./database.ts";
import { insertEvents } from "./journal.ts";

export const OPERATION_COLUMNS = `id, kind, job, application, state, request, from_epoch AS "fromEpoch", from_launch AS "fromLaunch", steps, requested_by AS "requestedBy",
  request_id AS "requestId", created_at AS "createdAt", ended_at AS "endedAt"`;

/** Operations in Postgres. */
export function createOperationStore(db: Database): OperationStore {
  return {
    open: () => db.query<OperationRow>(`SELECT ${OPERATION_COLUMNS} FROM operations WHERE ended_at IS NULL`),

    async find(id) {
      const rows = await db.query<OperationRow>(`SELECT ${OPERATION_COLUMNS} FROM operations WHERE id = $1`, [id]);
      return rows[0] ?? null;
    },

    list: (filter, limit, before) =>
      db.query<OperationRow>(
        `SELECT ${OPERATION_COLUMNS} FROM operations
         WHERE ($1::text IS NULL OR job = $1) AND ($2::text IS NULL OR state = $2)
           AND ($5::text IS NULL OR application = $5)
           AND ($4::uuid IS NULL OR (created_at, id) < (SELECT created_at, id FROM operations WHERE id = $4))
         ORDER BY created_at DESC, id DESC LIMIT $3`,
        [filter.job ?? null, filter.state ?? null, limit, before, filter.application ?? null],
      ),

    advance: ({ id, job }, state, next, desired) =>
      db.transaction(async (tx) => {
        // The job first, as a request does it: whoever comes second sees what the first one did.
        if (desired !== null) await tx.query("SELECT 1 FROM jobs WHERE id = $1 FOR NO KEY UPDATE", [job]);
        const saved = await tx.query<OperationRow>(
          `UPDATE operations SET state = $2, steps = steps || $3::jsonb,
             ended_at = CASE WHEN $2 = 'running' THEN NULL ELSE now() END
           WHERE id = $1 AND ended_at IS NULL RETURNING ${OPERATION_COLUMNS}`,
          [id, state, JSON.stringify(next === null ? [] : [next])],
        );
        if (desired !== null && saved.length > 0) {
          await tx.query("UPDATE jobs SET desired = $2, desired_since = now() WHERE id = $1", [job, desired]);
        }
        await insertEvents(tx, saved.map(operationEvent));
      }),
  };
}

/** What the journal tells of an operation after a change. */
export function operationEvent(operation: OperationRow): NewEvent {
  const { id, job, application, kind, state, steps, requestedBy, requestId } = operation;
  const last = steps.at(-1)?.step ?? null;
  const data = { operation: id, job, application, kind, state, step: last, requestedBy, requestId };
  const subject = job ?? application ?? "";
  return { type: state === "running" ? "operation.step" : "operation.ended", subjects: [subject, id], data };
}

export function step(text: string): OperationStep {
  return { step: text, at: new Date().toISOString() };
}
