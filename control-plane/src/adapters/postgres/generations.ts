import {
  differingJobs,
  generationOfJob,
  leftoversOf,
  replayedTables,
  shadowId,
  type Writer,
} from "../../domain/generation.ts";
import { shadowsOwnSpec } from "../../domain/specs/dedicated.ts";
import { applicationOf, DEDICATED } from "../../domain/specs/job-spec.ts";
import { type ShadowSpecText, shadowSpec } from "../../domain/specs/shadow-spec.ts";
import type {
  GenerationDetails,
  GenerationStore,
  NewGeneration,
  ShadowJob,
  Stop,
} from "../../services/generations/ports.ts";
import type { ApplicationRow, JobRow } from "../../services/rows.ts";
import { APPLICATION_COLUMNS, JOB_COLUMNS } from "./catalog.ts";
import type { Database, Queryable } from "./database.ts";
import { insertDedicated } from "./declare.ts";
import {
  conflict,
  type GenerationRecord,
  lockGenerations,
  readGenerations,
  requireGeneration,
} from "./generation-rows.ts";
import { promoteGeneration, retireGeneration } from "./promotion.ts";

/** Generations and their shadow jobs in Postgres. */
export function createGenerationStore(db: Database): GenerationStore {
  return {
    async find(pipeline, number) {
      return (await details(db, pipeline)).find((generation) => generation.number === number) ?? null;
    },

    async list(pipeline) {
      return (await details(db, pipeline)).reverse();
    },

    async nextNumber(pipeline) {
      const [row] = await db.query<{ next: number }>(
        "SELECT coalesce(max(number), 0) + 1 AS next FROM generations WHERE pipeline = $1",
        [pipeline],
      );
      return row?.next ?? 1;
    },

    create: (wish) =>
      db.transaction(async (tx) => {
        const generations = await lockGenerations(tx, wish.pipeline);
        const made = generations.find(({ number }) => number === wish.number);
        if (made === undefined || made.replay !== wish.replay) await insertGeneration(tx, wish, generations);
        const created = (await details(tx, wish.pipeline)).find(({ number }) => number === wish.number);
        return created as GenerationDetails;
      }),

    setShadows: (pipeline, number, desired, stop) =>
      db.transaction((tx) => want(tx, "shadow_in = $1 AND pipeline = $2", [number, pipeline], desired, stop)),

    setReplaced: (pipeline, number, desired, stop) =>
      db.transaction((tx) =>
        want(
          tx,
          `id IN (SELECT shadow_of FROM jobs WHERE shadow_in = $1 AND pipeline = $2 AND retired_at IS NULL)`,
          [number, pipeline],
          desired,
          stop,
        ),
      ),

    async hold(pipeline, number, reason) {
      await db.query("UPDATE generations SET held = $3 WHERE pipeline = $1 AND number = $2", [
        pipeline,
        number,
        reason,
      ]);
    },

    promote: (pipeline, number, promotion) =>
      db.transaction((tx) => promoteGeneration(tx, pipeline, number, promotion)),

    reopen: (pipeline, number) => db.transaction((tx) => reopenGeneration(tx, pipeline, number)),

    retire: (pipeline, number, keptUntil, audit) =>
      db.transaction((tx) => retireGeneration(tx, pipeline, number, keptUntil, audit)),

    discard: (pipeline, now) =>
      db.transaction(async (tx) => {
        const generations = await lockGenerations(tx, pipeline);
        const isOver = ({ keptUntil }: GenerationRecord) => keptUntil !== null && keptUntil <= now;
        const over = generations.filter(isOver).map(({ number }) => number);
        await tx.query(
          "UPDATE generations SET state = 'discarded', kept_until = NULL WHERE pipeline = $1 AND number = ANY($2)",
          [pipeline, over],
        );
        return generations.filter((each) => each.state === "discarded" || isOver(each)).map(({ number }) => number);
      }),

    async leftovers(pipeline, number) {
      const generations = await readGenerations(db, pipeline);
      const generation = requireGeneration(generations, pipeline, number);
      if (generation.state !== "discarded") throw conflict(`Generation ${number} is ${generation.state}.`);
      const others = generations.filter((other) => other.number !== number && other.state !== "collected");
      return leftoversOf(
        generation.tables,
        others.map(({ tables }) => tables),
        (await db.query<JobRow>(ORDINARY_JOBS, [pipeline])).map(toWriter),
      );
    },

    collected: (pipeline, number) =>
      db.transaction(async (tx) => {
        await tx.query(
          `UPDATE generations SET state = 'collected', collected_at = now()
           WHERE pipeline = $1 AND number = $2 AND state = 'discarded'`,
          [pipeline, number],
        );
        // Nothing of a generation's figures is asked for once its files are gone.
        await tx.query("DELETE FROM reconciliations WHERE generation = $1", [number]);
      }),
  };
}

/** Oldest first. */
async function details(db: Queryable, pipeline: string): Promise<GenerationDetails[]> {
  const generations = await readGenerations(db, pipeline);
  const shadows = await db.query<ShadowJob & { shadowIn: number }>(
    `SELECT id, shadow_of AS job, generation, shadow_in AS "shadowIn", desired, state, reason, epoch,
       EXISTS (SELECT 1 FROM runs WHERE runs.job = jobs.id AND ended_at IS NULL) AS "hasOpenRun"
     FROM jobs WHERE pipeline = $1 AND shadow_of IS NOT NULL AND retired_at IS NULL ORDER BY id`,
    [pipeline],
  );
  return generations.map((generation) => ({
    ...generation,
    shadows: shadows.filter(({ shadowIn }) => shadowIn === generation.number).map(({ shadowIn, ...shadow }) => shadow),
  }));
}

async function insertGeneration(tx: Queryable, wish: NewGeneration, generations: GenerationRecord[]): Promise<void> {
  const newest = Math.max(0, ...generations.map(({ number }) => number));
  const live = generations.find(({ state }) => state === "live");
  if (wish.number !== newest + 1) throw conflict(`The next generation is ${newest + 1}, not ${wish.number}.`);
  if (live?.number !== wish.parent) throw conflict(`Generation ${live?.number} is live, not ${wish.parent}.`);
  refuseSecondShadow(generations);
  const jobs = await lockOrdinaryJobs(tx, wish.pipeline);
  const replayed = jobs.filter(({ id }) => wish.jobs.includes(id));
  const unknown = wish.jobs.filter((id) => !jobs.some((job) => job.id === id));
  if (unknown.length > 0) throw new Error(`no job ${unknown.join(", ")}`);
  await tx.query(
    `INSERT INTO generations (pipeline, number, parent, live, state, replay, tables, rules, start, inherits)
     VALUES ($1, $2, $3, false, 'shadow', $4, $5, $6, $7, $8)`,
    [
      ...[wish.pipeline, wish.number, wish.parent, wish.replay],
      ...[replayedTables(wish.number, live.tables, replayed.map(toWriter)), wish.rules, wish.start, wish.inherits],
    ],
  );
  for (const job of replayed) await saveShadow(tx, job, wish.number, wish.number, wish.specs[job.id] ?? {});
}

async function reopenGeneration(tx: Queryable, pipeline: string, number: number): Promise<void> {
  const generations = await lockGenerations(tx, pipeline);
  const generation = requireGeneration(generations, pipeline, number);
  if (generation.state === "shadow") return;
  if (generation.state !== "kept")
    throw conflict(`Generation ${number} is ${generation.state}: nothing of it is kept.`);
  refuseSecondShadow(generations);
  const live = generations.find(({ state }) => state === "live");
  const jobs = await lockOrdinaryJobs(tx, pipeline);
  const differing = differingJobs(jobs.map(toWriter), generation.tables, live?.tables ?? {});
  await tx.query(
    "UPDATE generations SET state = 'shadow', kept_until = NULL, held = NULL WHERE pipeline = $1 AND number = $2",
    [pipeline, number],
  );
  for (const job of jobs.filter(({ id }) => differing.includes(id))) {
    const own = generationOfJob(job.spec.writes, generation.tables) ?? number;
    await saveShadow(tx, job, own, number, {});
  }
}

function refuseSecondShadow(generations: GenerationRecord[]): void {
  const shadow = generations.find(({ state }) => state === "shadow");
  if (shadow !== undefined)
    throw conflict(`Generation ${shadow.number} is a shadow already; there can be one at a time.`);
}

/** Epochs in one checkpoint only rise: a shadow goes on above whatever the job has reached meanwhile. */
async function saveShadow(
  tx: Queryable,
  job: JobRow,
  generation: number,
  shadowIn: number,
  differing: ShadowSpecText,
): Promise<void> {
  const id = shadowId(job.id, generation);
  const spec = shadowSpec(job.id, job.spec, differing);
  if (spec.application === DEDICATED) await insertOwnApplication(tx, id, job);
  await tx.query(
    `INSERT INTO jobs (id, pipeline, application, spec, declared, desired, stop_timeout_ms, epoch, shadow_of, generation, shadow_in)
     VALUES ($1, $2, $3, $4, $4, 'stopped', $5, $6, $7, $8, $9)
     ON CONFLICT (id) DO UPDATE SET application = excluded.application, spec = excluded.spec, declared = excluded.declared,
       revision = jobs.revision + 1, desired = 'stopped', desired_since = now(), epoch = greatest(jobs.epoch, excluded.epoch),
       shadow_in = excluded.shadow_in, retired_at = NULL`,
    [
      ...[id, job.pipeline, applicationOf(id, spec), spec, spec.drainTimeoutMs, job.epoch],
      ...[job.id, generation, shadowIn],
    ],
  );
}

/** One beside that of the job, named after the shadow. */
async function insertOwnApplication(tx: Queryable, shadow: string, { pipeline, application }: JobRow): Promise<void> {
  const [row] = await tx.query<ApplicationRow>(`SELECT ${APPLICATION_COLUMNS} FROM applications WHERE name = $1`, [
    application,
  ]);
  await insertDedicated(tx, shadow, pipeline, shadowsOwnSpec(row));
}

/** A job that is wanted so already is left alone: how often it failed meanwhile still counts. */
async function want(
  tx: Queryable,
  which: string,
  values: unknown[],
  desired: string,
  stop: Stop | undefined,
): Promise<void> {
  const jobs = await tx.query<Pick<JobRow, "id">>(
    `SELECT id FROM jobs WHERE ${which} AND retired_at IS NULL ORDER BY id FOR NO KEY UPDATE`,
    values,
  );
  await tx.query(
    `UPDATE jobs SET desired_since = CASE WHEN desired = $2 THEN desired_since ELSE now() END, desired = $2,
       stop_mode = coalesce($3, 'drain'), stop_timeout_ms = coalesce($4, stop_timeout_ms)
     WHERE id = ANY($1)`,
    [jobs.map(({ id }) => id), desired, stop?.mode ?? null, stop?.timeoutMs ?? null],
  );
}

const ORDINARY_JOBS = `SELECT ${JOB_COLUMNS} FROM jobs WHERE pipeline = $1 AND shadow_of IS NULL ORDER BY id`;

/** Those that work for the live generation. From here on nobody changes them, and nobody opens a run of them. */
function lockOrdinaryJobs(tx: Queryable, pipeline: string): Promise<JobRow[]> {
  return tx.query<JobRow>(`${ORDINARY_JOBS} FOR NO KEY UPDATE`, [pipeline]);
}

function toWriter({ id, spec }: JobRow): Writer {
  return { id, writes: spec.writes };
}
