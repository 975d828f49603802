import type { History } from "../../services/housekeeping.ts";
import type { Database, Queryable } from "./database.ts";

/** Ended runs, launches and operations in Postgres. */
export function createHistory(db: Database): History {
  return {
    prune: (kept) =>
      db.transaction(async (tx) => {
        await forgetRuns(tx, kept.runsPerJob);
        await forgetLaunches(tx, kept.launchesPerApplication);
        await forgetOperations(tx, kept.operationsPerSubject);
      }),
  };
}

/** What they had counted goes on counting. */
async function forgetRuns(tx: Queryable, kept: number): Promise<void> {
  await tx.query(
    `WITH gone AS (
       DELETE FROM runs USING
         (SELECT job, epoch, row_number() OVER (PARTITION BY job ORDER BY epoch DESC) AS place
          FROM runs WHERE ended_at IS NOT NULL) AS old
       WHERE runs.job = old.job AND runs.epoch = old.epoch AND old.place > $1
       RETURNING runs.job, runs.ended_by, runs.batches, runs.rows, runs.outcomes),
     counted AS (
       INSERT INTO forgotten_runs AS f (job, ended_by, runs, batches, rows)
       SELECT job, coalesce(ended_by, 'unknown'), count(*), sum(batches), sum(rows) FROM gone GROUP BY 1, 2
       ON CONFLICT (job, ended_by) DO UPDATE
         SET runs = f.runs + excluded.runs, batches = f.batches + excluded.batches, rows = f.rows + excluded.rows)
     INSERT INTO forgotten_outcomes AS f (job, outcome, rows)
     SELECT job, outcome, sum(counted::numeric) FROM gone, jsonb_each_text(outcomes) AS by(outcome, counted) GROUP BY 1, 2
     ON CONFLICT (job, outcome) DO UPDATE SET rows = f.rows + excluded.rows`,
    [kept],
  );
}

/** One that a kept run was on stays with it. */
async function forgetLaunches(tx: Queryable, kept: number): Promise<void> {
  await tx.query(
    `DELETE FROM launches USING
       (SELECT id, row_number() OVER (PARTITION BY application ORDER BY recorded_at DESC) AS place
        FROM launches WHERE ended_at IS NOT NULL) AS old
     WHERE launches.id = old.id AND old.place > $1 AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.launch = launches.id)`,
    [kept],
  );
}

/** One that ended a kept run stays with it. The keys of the others' requests go along. */
async function forgetOperations(tx: Queryable, kept: number): Promise<void> {
  await tx.query(
    `WITH gone AS (
       DELETE FROM operations USING
         (SELECT id, row_number() OVER (PARTITION BY job, application ORDER BY created_at DESC, id DESC) AS place
          FROM operations WHERE ended_at IS NOT NULL) AS old
       WHERE operations.id = old.id AND old.place > $1
         AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.operation = operations.id)
       RETURNING operations.kind, operations.state)
     INSERT INTO forgotten_operations AS f (kind, state, operations)
     SELECT kind, state, count(*) FROM gone GROUP BY 1, 2
     ON CONFLICT (kind, state) DO UPDATE SET operations = f.operations + excluded.operations`,
    [kept],
  );
}
