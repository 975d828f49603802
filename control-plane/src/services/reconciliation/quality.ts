import { METRIC_OF, METRICS } from "../../domain/dq/metrics-table.ts";
import type { Compared } from "./ports.ts";
import { figure, newestCut, type Scope } from "./scope.ts";
import { SILVER } from "./tables.ts";

export const MEASURED = Object.keys(METRIC_OF);

/** The totals that data quality measured against silver's rows. @param before null counts all rows */
export async function checkQuality(scope: Scope, before: Compared | null): Promise<Compared | null> {
  const [silver, metrics] = [scope.table(SILVER), scope.table(METRICS)];
  if (silver === undefined || metrics === undefined) return before;
  const cut = await newestCut(scope, silver, metrics, before);
  if (cut === null || cut.upstream > silver.newest) return before;
  const rows = await silver.relation(cut.upstream, await silver.filesBetween(before?.upstream ?? null, cut.upstream), [
    "outcome",
  ]);
  const counted = await scope.engine.query(
    `SELECT outcome, count(*)::VARCHAR AS records FROM ${rows} GROUP BY outcome`,
  );
  for (const row of counted) scope.tally.add(`dq.silver.${row.outcome}`, figure(row, "records"));
  const measured = await metrics.relation(
    cut.version,
    await metrics.filesBetween(before?.version ?? null, cut.version),
    ["batch_id", "total_records", ...Object.values(METRIC_OF)],
  );
  const sums = Object.entries(METRIC_OF).map(([outcome, column]) => `sum(${column})::BIGINT::VARCHAR AS ${outcome}`);
  const [sum] = await scope.engine.query(
    `SELECT ${sums.join(", ")}, sum(total_records)::BIGINT::VARCHAR AS total FROM ${measured}`,
  );
  for (const outcome of MEASURED) scope.tally.add(`dq.measured.${outcome}`, figure(sum, outcome));
  scope.tally.add("dq.total", figure(sum, "total"));
  const doubled = await scope.engine.query(
    `SELECT batch_id, count(*)::VARCHAR AS records FROM ${measured} GROUP BY batch_id HAVING count(*) > 1 ORDER BY batch_id LIMIT 10`,
  );
  for (const row of doubled) {
    scope.tally.found("dq.totals", `batch ${row.batch_id} stands ${row.records} times in ${METRICS}`);
  }
  return cut;
}
