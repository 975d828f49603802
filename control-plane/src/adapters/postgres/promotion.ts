import type { Promotion } from "../../services/generations/ports.ts";
import type { AuditEntry } from "../../services/rows.ts";
import { insertAudit } from "./audit.ts";
import type { Queryable } from "./database.ts";
import { conflict, lockGenerations, requireGeneration } from "./generation-rows.ts";

/** Makes a shadow the live generation: the belonging half of a transaction, all of it or nothing. */
export async function promoteGeneration(
  tx: Queryable,
  pipeline: string,
  number: number,
  { keptUntil, start, audit }: Promotion,
): Promise<void> {
  const { state } = requireGeneration(await lockGenerations(tx, pipeline), pipeline, number);
  if (state === "live") return;
  if (state !== "shadow") throw conflict(`Generation ${number} is ${state}: only a shadow can become live.`);
  const jobs = await lockShadows(tx, pipeline, number);
  await refuseOpenRuns(tx, jobs);
  await tx.query(`UPDATE generations SET live = false, state = 'kept', kept_until = $2 WHERE pipeline = $1 AND live`, [
    pipeline,
    keptUntil,
  ]);
  await tx.query(
    `UPDATE generations SET live = true, state = 'live', held = NULL, promoted_at = now()
     WHERE pipeline = $1 AND number = $2`,
    [pipeline, number],
  );
  await tx.query(
    // In milliseconds: an answer as of this very moment is asked for by such a one.
    "INSERT INTO generation_terms (pipeline, generation, since) VALUES ($1, $2, date_trunc('milliseconds', clock_timestamp()))",
    [pipeline, number],
  );
  await tx.query(
    `UPDATE jobs SET epoch = greatest(jobs.epoch, shadow.epoch),
       desired = CASE WHEN jobs.id = ANY($3) THEN 'running' ELSE jobs.desired END, desired_since = now()
     FROM jobs AS shadow
     WHERE shadow.shadow_of = jobs.id AND shadow.pipeline = $1 AND shadow.shadow_in = $2 AND shadow.retired_at IS NULL`,
    [pipeline, number, start],
  );
  await retireShadows(tx, pipeline, number);
  await insertAudit(tx, audit);
}

/** Ends a shadow that does not become live, or gives up one that is kept. */
export async function retireGeneration(
  tx: Queryable,
  pipeline: string,
  number: number,
  keptUntil: Date | null,
  audit?: AuditEntry,
): Promise<void> {
  const { state } = requireGeneration(await lockGenerations(tx, pipeline), pipeline, number);
  if (state === "discarded" || state === "collected") return;
  if (state === "live") throw conflict(`Generation ${number} is live.`);
  const jobs = await lockShadows(tx, pipeline, number);
  const shadows = jobs.filter(({ isShadow }) => isShadow);
  await refuseOpenRuns(tx, shadows);
  await tx.query(
    `UPDATE generations SET state = $3, kept_until = $4, held = NULL WHERE pipeline = $1 AND number = $2`,
    [pipeline, number, keptUntil === null ? "discarded" : "kept", keptUntil],
  );
  await retireShadows(tx, pipeline, number);
  if (audit !== undefined) await insertAudit(tx, audit);
}

interface Locked {
  id: string;
  isShadow: boolean;
}

/** The shadow jobs of a generation and the jobs that they shadow: from here on nobody opens a run of them. */
function lockShadows(tx: Queryable, pipeline: string, number: number): Promise<Locked[]> {
  return tx.query<Locked>(
    `WITH shadows AS (SELECT id, shadow_of FROM jobs WHERE pipeline = $1 AND shadow_in = $2 AND retired_at IS NULL)
     SELECT id, shadow_of IS NOT NULL AS "isShadow" FROM jobs
     WHERE id IN (SELECT id FROM shadows UNION SELECT shadow_of FROM shadows) ORDER BY id FOR NO KEY UPDATE`,
    [pipeline, number],
  );
}

async function refuseOpenRuns(tx: Queryable, jobs: Locked[]): Promise<void> {
  const open = await tx.query<{ job: string; epoch: number }>(
    "SELECT job, epoch FROM runs WHERE job = ANY($1) AND ended_at IS NULL ORDER BY job",
    [jobs.map(({ id }) => id)],
  );
  if (open.length === 0) return;
  const runs = open.map(({ job, epoch }) => `run ${epoch} of ${job}`).join(", ");
  throw conflict(`Not all of its jobs have ended: ${runs} is open.`);
}

async function retireShadows(tx: Queryable, pipeline: string, number: number): Promise<void> {
  await tx.query(
    `UPDATE jobs SET retired_at = now(), desired = 'stopped', state = 'STOPPED', reason = NULL, state_since = now()
     WHERE pipeline = $1 AND shadow_in = $2 AND retired_at IS NULL`,
    [pipeline, number],
  );
}
