import type { Totals } from "../../services/vitals.ts";
import type { Database } from "./database.ts";

/** Sums up what runs and operations have counted. */
export async function readTotals(db: Database): Promise<Totals> {
  const [batches, outcomes, restarts, operations] = await Promise.all([
    db.query<Totals["batches"][number]>(
      "SELECT job, sum(batches)::float8 AS batches, sum(rows)::float8 AS rows FROM runs GROUP BY job",
    ),
    db.query<Totals["outcomes"][number]>(
      `SELECT job, outcome, sum(counted::float8) AS rows FROM runs, jsonb_each_text(outcomes) AS by(outcome, counted)
       GROUP BY job, outcome`,
    ),
    db.query<Totals["restarts"][number]>(
      `SELECT runs.job, ended_by AS cause, count(*)::integer AS count
       FROM runs JOIN jobs ON jobs.id = runs.job AND runs.epoch < jobs.epoch
       WHERE ended_by IS NOT NULL GROUP BY runs.job, ended_by`,
    ),
    db.query<Totals["operations"][number]>(
      `SELECT kind, state AS result, count(*)::integer AS count FROM operations WHERE ended_at IS NOT NULL
       GROUP BY kind, state`,
    ),
  ]);
  return { batches, outcomes, restarts, operations };
}
