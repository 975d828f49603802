import type { Failpoint } from "../../services/failpoint.ts";
import type {
  JobEffect,
  NewOperation,
  RequestFacts,
  RequestKey,
  RequestStore,
  Subject,
  Taken,
} from "../../services/operation-requests.ts";
import type { ApplicationRow, JobRow, LaunchRow, OperationRow, RunRow } from "../../services/rows.ts";
import { insertAudit } from "./audit.ts";
import { APPLICATION_COLUMNS, JOB_COLUMNS } from "./catalog.ts";
import type { Database, Queryable } from "./database.ts";
import { insertEvents } from "./journal.ts";
import { LAUNCH_COLUMNS } from "./launches.ts";
import { OPERATION_COLUMNS, operationEvent, step } from "./operations.ts";
import { RUN_COLUMNS } from "./runs.ts";

/** Any number does that no other lock of two numbers begins with. */
const KEY_LOCKS = 73_678_627;

/** Requests that become operations, in Postgres. Rows are locked in the order that `database.ts` gives. */
export function createRequestStore(db: Database, failpoint: Failpoint): RequestStore {
  return {
    take: (subject, key, decide) =>
      db.transaction(async (tx): Promise<Taken> => {
        const repeated = key === null ? null : await findByKey(tx, key);
        if (repeated !== null) return repeated;
        const facts = await lock(tx, subject);
        const decision = decide(facts);
        if ("answer" in decision) {
          await keep(tx, key, decision.answer.id);
          return { outcome: "repeated", operation: decision.answer };
        }
        const { save } = decision;
        const superseded = facts.pending === null ? [] : await supersede(tx, facts.pending, save);
        const fromLaunch = await apply(tx, facts, save);
        await insertAudit(tx, save.audit);
        const operation = await insert(tx, subject, facts, save, fromLaunch);
        await keep(tx, key, operation.id);
        await insertEvents(tx, [...superseded, operation].map(operationEvent));
        failpoint("operation-saving");
        return { outcome: "saved", operation, superseded };
      }),
  };
}

/** Whoever comes with the same key at the same time waits here, and then finds what the first one was answered. */
async function findByKey(tx: Queryable, { text, hash }: RequestKey): Promise<Taken | null> {
  await tx.query("SELECT pg_advisory_xact_lock($1, hashtext($2))", [KEY_LOCKS, text]);
  const [kept] = await tx.query<OperationRow & { hash: string }>(
    `SELECT k.request_hash AS hash, o.* FROM idempotency_keys k
     JOIN (SELECT ${OPERATION_COLUMNS} FROM operations) o ON o.id = k.operation WHERE k.key = $1`,
    [text],
  );
  if (kept === undefined) return null;
  const { hash: before, ...operation } = kept;
  return { outcome: before === hash ? "repeated" : "keyReused", operation };
}

async function keep(tx: Queryable, key: RequestKey | null, operation: string): Promise<void> {
  if (key === null) return;
  await tx.query("INSERT INTO idempotency_keys (key, operation, request_hash) VALUES ($1, $2, $3)", [
    key.text,
    operation,
    key.hash,
  ]);
}

/** From here on nobody opens a run of these jobs, and nobody else decides about them. */
async function lock(tx: Queryable, subject: Subject): Promise<RequestFacts> {
  const isJob = "job" in subject;
  const name = isJob ? subject.job : subject.application;
  if (!isJob) await tx.query("SELECT 1 FROM applications WHERE name = $1 FOR NO KEY UPDATE", [name]);
  const jobs = await tx.query<JobRow>(
    `SELECT ${JOB_COLUMNS} FROM jobs WHERE ${isJob ? "id" : "application"} = $1 AND retired_at IS NULL ORDER BY id FOR NO KEY UPDATE`,
    [name],
  );
  const [application] = await tx.query<ApplicationRow>(
    `SELECT ${APPLICATION_COLUMNS} FROM applications WHERE name = $1`,
    [isJob ? jobs[0]?.application : name],
  );
  if (application === undefined) throw new Error(`no ${isJob ? "job" : "application"} ${name}`);
  const [pending] = await tx.query<OperationRow>(
    `SELECT ${OPERATION_COLUMNS} FROM operations
     WHERE ${isJob ? "job" : "application"} = $1 AND ended_at IS NULL FOR NO KEY UPDATE`,
    [name],
  );
  return {
    application,
    jobs,
    openRuns: await tx.query<RunRow>(`SELECT ${RUN_COLUMNS} FROM runs WHERE ended_at IS NULL`),
    openLaunches: await tx.query<LaunchRow>(`SELECT ${LAUNCH_COLUMNS} FROM launches WHERE ended_at IS NULL`),
    pending: pending ?? null,
  };
}

/** The newest request wins. @returns the operation that it ended */
function supersede(tx: Queryable, pending: OperationRow, by: NewOperation): Promise<OperationRow[]> {
  return tx.query<OperationRow>(
    `UPDATE operations SET state = 'superseded', ended_at = now(), steps = steps || $2::jsonb
     WHERE id = $1 AND ended_at IS NULL RETURNING ${OPERATION_COLUMNS}`,
    [pending.id, JSON.stringify([step(`superseded by ${by.kind} ${by.id}`)])],
  );
}

/** @returns the launch that a restart ends; null where there is none */
async function apply(tx: Queryable, facts: RequestFacts, operation: NewOperation): Promise<string | null> {
  if (operation.effect === "restart") return applyRestart(tx, facts.application.name, operation);
  for (const { id } of facts.jobs) await applyToJob(tx, id, operation, operation.effect);
  return null;
}

async function applyToJob(tx: Queryable, job: string, { request, audit }: NewOperation, effect: JobEffect) {
  if (effect.desired !== null) {
    await tx.query(
      `UPDATE jobs SET desired = $2, desired_since = now(), stop_mode = $3, stop_timeout_ms = $4 WHERE id = $1`,
      [job, effect.desired, request.mode, request.timeoutMs],
    );
  }
  await tx.query("UPDATE launches SET kill_requested_at = coalesce(kill_requested_at, now()) WHERE id = $1", [
    effect.kill,
  ]);
  await tx.query("UPDATE launches SET declared_dead_by = $2 WHERE id = $1 AND ended_at IS NULL", [
    effect.declareDead,
    audit.actor,
  ]);
}

async function applyRestart(tx: Queryable, application: string, { request }: NewOperation): Promise<string | null> {
  // One that had given up is tried again, as after a start.
  await tx.query("UPDATE jobs SET desired_since = now() WHERE application = $1 AND desired = 'running'", [application]);
  // A driver that has not called hosts nothing that could be drained.
  const [launch] = await tx.query<{ id: string }>(
    `UPDATE launches SET retiring_at = coalesce(retiring_at, now()), stop_timeout_ms = $3,
       stop_mode = CASE $2 WHEN 'drain' THEN 'drain' ELSE 'now' END,
       kill_requested_at = CASE WHEN $2 = 'kill' OR adopted_at IS NULL
         THEN coalesce(kill_requested_at, now()) ELSE kill_requested_at END
     WHERE application = $1 AND ended_at IS NULL RETURNING id`,
    [application, request.mode, request.timeoutMs],
  );
  return launch?.id ?? null;
}

async function insert(
  tx: Queryable,
  subject: Subject,
  { jobs }: RequestFacts,
  { id, kind, request, done, audit }: NewOperation,
  fromLaunch: string | null,
): Promise<OperationRow> {
  const steps = [step(`requested: ${kind}`), ...(done === null ? [] : [done])];
  const [row] = await tx.query<OperationRow>(
    `INSERT INTO operations (id, kind, job, application, state, request, from_epoch, from_launch, steps,
       requested_by, request_id, ended_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, CASE WHEN $5 = 'running' THEN NULL ELSE now() END)
     RETURNING ${OPERATION_COLUMNS}`,
    [
      id,
      kind,
      "job" in subject ? subject.job : null,
      "job" in subject ? null : subject.application,
      done === null ? "running" : "succeeded",
      request,
      "job" in subject ? jobs[0]?.epoch : 0,
      fromLaunch,
      JSON.stringify(steps),
      audit.actor,
      audit.requestId,
    ],
  );
  return row as OperationRow;
}
