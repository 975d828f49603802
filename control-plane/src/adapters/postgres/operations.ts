import type { NewEvent } from "../../domain/event.ts";
import type { OperationKind, OperationRequest, OperationStep } from "../../domain/lifecycle/operation.ts";
import type { OperationStore } from "../../services/ports.ts";
import type { AuditEntry, OperationRow } from "../../services/rows.ts";
import { insertAudit } from "./audit.ts";
import type { Database, Queryable } from "./database.ts";
import { insertEvents } from "./journal.ts";

const COLUMNS = `id, kind, job, application, state, request, from_epoch AS "fromEpoch", from_launch AS "fromLaunch", steps, requested_by AS "requestedBy",
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
           AND ($5::text IS NULL OR application = $5)
           AND ($4::uuid IS NULL OR (created_at, id) < (SELECT created_at, id FROM operations WHERE id = $4))
         ORDER BY created_at DESC, id DESC LIMIT $3`,
        [filter.job ?? null, filter.state ?? null, limit, before, filter.application ?? null],
      ),

    request: (operation) =>
      db.transaction(async (tx) => {
        const [job] = await tx.query<{ epoch: number }>("SELECT epoch FROM jobs WHERE id = $1 FOR NO KEY UPDATE", [
          operation.job,
        ]);
        if (job === undefined) throw new Error(`no job ${operation.job}`);
        const superseded = await supersede(tx, "job", operation.job, `${operation.kind} ${operation.id}`);
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
        const saved = await insert(tx, {
          ...operation,
          application: null,
          fromEpoch: job.epoch,
          fromLaunch: null,
        });
        await insertEvents(tx, [...superseded, saved].map(toEvent));
        return saved;
      }),

    requestRestart: (operation) =>
      db.transaction(async (tx) => {
        const { application, request, audit } = operation;
        await tx.query("SELECT name FROM applications WHERE name = $1 FOR UPDATE", [application]);
        const superseded = await supersede(tx, "application", application, `restart ${operation.id}`);
        // A driver that has not called hosts nothing that could be drained.
        const [launch] = await tx.query<{ id: string }>(
          `UPDATE launches SET retiring_at = coalesce(retiring_at, now()), stop_timeout_ms = $3,
             stop_mode = CASE $2 WHEN 'drain' THEN 'drain' ELSE 'now' END,
             kill_requested_at = CASE WHEN $2 = 'kill' OR adopted_at IS NULL
               THEN coalesce(kill_requested_at, now()) ELSE kill_requested_at END
           WHERE application = $1 AND ended_at IS NULL RETURNING id`,
          [application, request.mode, request.timeoutMs],
        );
        // One that had given up is tried again, as after a start.
        await tx.query("UPDATE jobs SET desired_since = now() WHERE application = $1 AND desired = 'running'", [
          application,
        ]);
        await insertAudit(tx, audit);
        const saved = await insert(tx, {
          ...operation,
          kind: "restart",
          job: null,
          fromEpoch: 0,
          fromLaunch: launch?.id ?? null,
          done: null,
        });
        await insertEvents(tx, [...superseded, saved].map(toEvent));
        return saved;
      }),

    advance: ({ id, job }, state, next, desired) =>
      db.transaction(async (tx) => {
        // The job first, as a request does it: whoever comes second sees what the first one did.
        if (desired !== null) await tx.query("SELECT 1 FROM jobs WHERE id = $1 FOR NO KEY UPDATE", [job]);
        const saved = await tx.query<OperationRow>(
          `UPDATE operations SET state = $2, steps = steps || $3::jsonb,
             ended_at = CASE WHEN $2 = 'running' THEN NULL ELSE now() END
           WHERE id = $1 AND ended_at IS NULL RETURNING ${COLUMNS}`,
          [id, state, JSON.stringify(next === null ? [] : [next])],
        );
        if (desired !== null && saved.length > 0) {
          await tx.query("UPDATE jobs SET desired = $2, desired_since = now() WHERE id = $1", [job, desired]);
        }
        await insertEvents(tx, saved.map(toEvent));
      }),
  };
}

function toEvent({ id, job, application, kind, state, steps, requestedBy, requestId }: OperationRow): NewEvent {
  const step = steps.at(-1)?.step ?? null;
  const data = { operation: id, job, application, kind, state, step, requestedBy, requestId };
  const subject = job ?? application ?? "";
  return { type: state === "running" ? "operation.step" : "operation.ended", subjects: [subject, id], data };
}

/** The newest request wins. @returns those that it ended */
function supersede(tx: Queryable, of: "job" | "application", id: string, by: string): Promise<OperationRow[]> {
  return tx.query<OperationRow>(
    `UPDATE operations SET state = 'superseded', ended_at = now(), steps = steps || $2::jsonb
     WHERE ${of} = $1 AND ended_at IS NULL RETURNING ${COLUMNS}`,
    [id, JSON.stringify([step(`superseded by ${by}`)])],
  );
}

interface Inserted {
  id: string;
  kind: OperationKind;
  job: string | null;
  application: string | null;
  request: OperationRequest;
  fromEpoch: number;
  fromLaunch: string | null;
  idempotencyKey: string | null;
  done: OperationStep | null;
  audit: AuditEntry;
}

async function insert(tx: Queryable, operation: Inserted): Promise<OperationRow> {
  const steps = [step(`requested: ${operation.kind}`), ...(operation.done === null ? [] : [operation.done])];
  const [row] = await tx.query<OperationRow>(
    `INSERT INTO operations (id, kind, job, application, state, request, from_epoch, from_launch, steps, idempotency_key,
       requested_by, request_id, ended_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, CASE WHEN $5 = 'running' THEN NULL ELSE now() END)
     RETURNING ${COLUMNS}`,
    [
      operation.id,
      operation.kind,
      operation.job,
      operation.application,
      operation.done === null ? "running" : "succeeded",
      operation.request,
      operation.fromEpoch,
      operation.fromLaunch,
      JSON.stringify(steps),
      operation.idempotencyKey,
      operation.audit.actor,
      operation.audit.requestId,
    ],
  );
  return row as OperationRow;
}

function step(text: string): OperationStep {
  return { step: text, at: new Date().toISOString() };
}
