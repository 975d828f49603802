import type { Totals } from "../../services/vitals.ts";
import type { Database } from "./database.ts";

/** Every replay leaves some behind that will count nothing more. */
const PRESENT = "job NOT IN (SELECT id FROM jobs WHERE retired_at IS NOT NULL)";

/** Sums up what runs and operations have counted, those that are no longer kept included. */
export async function readTotals(db: Database): Promise<Totals> {
  const [batches, outcomes, restarts, operations] = await Promise.all([
    db.query<Totals["batches"][number]>(
      `SELECT job, sum(batches)::float8 AS batches, sum(rows)::float8 AS rows
       FROM (SELECT job, batches, rows FROM runs UNION ALL SELECT job, batches, rows FROM forgotten_runs) AS all_of
       WHERE ${PRESENT} GROUP BY job`,
    ),
    db.query<Totals["outcomes"][number]>(
      `SELECT job, outcome, sum(counted)::float8 AS rows FROM
         (SELECT job, outcome, counted::numeric FROM runs, jsonb_each_text(outcomes) AS by(outcome, counted)
          UNION ALL SELECT job, outcome, rows FROM forgotten_outcomes) AS all_of
       WHERE ${PRESENT} GROUP BY job, outcome`,
    ),
    db.query<Totals["restarts"][number]>(
      `SELECT job, ended_by AS cause, sum(runs)::integer AS count FROM
         (SELECT runs.job, ended_by, 1 AS runs FROM runs JOIN jobs ON jobs.id = runs.job AND runs.epoch < jobs.epoch
          WHERE ended_by IS NOT NULL
          UNION ALL SELECT job, ended_by, runs FROM forgotten_runs) AS all_of
       WHERE ${PRESENT} GROUP BY job, ended_by`,
    ),
    db.query<Totals["operations"][number]>(
      `SELECT kind, state AS result, sum(operations)::integer AS count FROM
         (SELECT kind, state, 1 AS operations FROM operations WHERE ended_at IS NOT NULL
          UNION ALL SELECT kind, state, operations FROM forgotten_operations) AS all_of
       GROUP BY kind, state`,
    ),
  ]);
  return { batches, outcomes, restarts, operations };
}
