import type { NewEvent } from "../../domain/event.ts";
import type { OperationRow, OperationStore } from "../../services/ports.ts";
import { insertAudit } from "./audit.ts";
import type { Database, Queryable } from "./database.ts";
import { insertEvents } from "./journal.ts";

const COLUMNS = `id, kind, job, state, request, from_epoch AS "fromEpoch", steps, requested_by AS "requestedBy",
  request_id AS "requestId", created_at AS "createdAt", ended_at AS "endedAt"`;

/** Operations in Postgres. */
export function createOperationStore(db: Database): OperationStore {
  return {
    open: () => db.query<OperationRow>(`SELECT ${COLUMNS} FROM operations WHERE ended_at IS NULL`),

    async find(id) {
      const rows = await db.query<OperationRow>(`SELECT ${COLUMNS} FROM operations WHERE id = $1`, [id]);
      return rows[0] ?? null;
    },

    async findByKey(key) {
      const rows = await db.query<OperationRow>(`SELECT ${COLUMNS} FROM operations WHERE idempotency_key = $1`, [key]);
      return rows[0] ?? null;
    },

    list: (filter, limit, before) =>
      db.query<OperationRow>(
        `SELECT ${COLUMNS} FROM operations
         WHERE ($1::text IS NULL OR job = $1) AND ($2::text IS NULL OR state = $2)
           AND ($4::uuid IS NULL OR (created_at, id) < (SELECT created_at, id FROM operations WHERE id = $4))
         ORDER BY created_at DESC, id DESC LIMIT $3`,
        [filter.job ?? null, filter.state ?? null, limit, before],
      ),

    request: (operation) =>
      db.transaction(async (tx) => {
        const [job] = await tx.query<{ epoch: number }>("SELECT epoch FROM jobs WHERE id = $1 FOR UPDATE", [
          operation.job,
        ]);
        if (job === undefined) throw new Error(`no job ${operation.job}`);
        const superseded = await tx.query<OperationRow>(
          `UPDATE operations SET state = 'superseded', ended_at = now(), steps = steps || $2::jsonb
           WHERE job = $1 AND ended_at IS NULL RETURNING ${COLUMNS}`,
          [operation.job, JSON.stringify([step(`superseded by ${operation.kind} ${operation.id}`)])],
        );
        if (operation.desired !== null) {
          await tx.query(
            `UPDATE jobs SET desired = $2, desired_since = now(), stop_mode = $3, stop_timeout_ms = $4 WHERE id = $1`,
            [operation.job, operation.desired, operation.request.mode, operation.request.timeoutMs],
          );
        }
        await tx.query("UPDATE launches SET kill_requested_at = coalesce(kill_requested_at, now()) WHERE id = $1", [
          operation.kill,
        ]);
        await tx.query("UPDATE launches SET declared_dead_by = $2 WHERE id = $1 AND ended_at IS NULL", [
          operation.declareDead,
          operation.audit.actor,
        ]);
        await insertAudit(tx, operation.audit);
        const saved = await insert(tx, operation, job.epoch);
        await insertEvents(tx, [...superseded, saved].map(toEvent));
        return saved;
      }),

    advance: (id, state, next) =>
      db.transaction(async (tx) => {
        const saved = await tx.query<OperationRow>(
          `UPDATE operations SET state = $2, steps = steps || $3::jsonb,
             ended_at = CASE WHEN $2 = 'running' THEN NULL ELSE now() END
           WHERE id = $1 AND ended_at IS NULL RETURNING ${COLUMNS}`,
          [id, state, JSON.stringify(next === null ? [] : [next])],
        );
        await insertEvents(tx, saved.map(toEvent));
      }),
  };
}

function toEvent({ id, job, kind, state, steps, requestedBy, requestId }: OperationRow): NewEvent {
  const data = { operation: id, job, kind, state, step: steps.at(-1)?.step ?? null, requestedBy, requestId };
  return { type: state === "running" ? "operation.step" : "operation.ended", subjects: [job, id], data };
}

async function insert(
  tx: Queryable,
  operation: Parameters<OperationStore["request"]>[0],
  epoch: number,
): Promise<OperationRow> {
  const steps = [step(`requested: ${operation.kind}`), ...(operation.done === null ? [] : [operation.done])];
  const [row] = await tx.query<OperationRow>(
    `INSERT INTO operations (id, kind, job, state, request, from_epoch, steps, idempotency_key, requested_by, request_id, ended_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, CASE WHEN $4 = 'running' THEN NULL ELSE now() END) RETURNING ${COLUMNS}`,
    [
      operation.id,
      operation.kind,
      operation.job,
      operation.done === null ? "running" : "succeeded",
      operation.request,
      epoch,
      JSON.stringify(steps),
      operation.idempotencyKey,
      operation.audit.actor,
      operation.audit.requestId,
    ],
  );
  return row as OperationRow;
}

function step(text: string): { step: string; at: string } {
  return { step: text, at: new Date().toISOString() };
}
