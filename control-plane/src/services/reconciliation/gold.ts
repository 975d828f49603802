import { formatInstant } from "../../domain/delta/instant.ts";
import { hundredths, moneyText } from "../../domain/reconciliation/tally.ts";
import type { Compared } from "./ports.ts";
import { figure, newestCut, type Scope } from "./scope.ts";
import { SILVER, UPDATES } from "./tables.ts";

export const KEY = ["plan_tier", "region", "currency"] as const;
const NAMED_AT_MOST = 10;

/** Gold's updates against silver's accepted rows, window by window. @param before null counts all rows */
export async function checkGold(scope: Scope, before: Compared | null): Promise<Compared | null> {
  const [silver, updates] = [scope.table(SILVER), scope.table(UPDATES)];
  if (silver === undefined || updates === undefined) return before;
  const cut = await newestCut(scope, silver, updates, before);
  if (cut === null || cut.upstream > silver.newest) return before;
  const silverFiles = await silver.filesBetween(before?.upstream ?? null, cut.upstream);
  const accepted = await silver.relation(
    cut.upstream,
    silverFiles,
    ["outcome", "event_time", "amount", ...KEY],
    ({ outcome }) => outcome === "accepted",
  );
  const updateFiles = await updates.filesBetween(before?.version ?? null, cut.version);
  const sums = await updates.relation(cut.version, updateFiles, ["window_start", "revenue", "event_count", ...KEY]);
  const compared = `WITH wanted AS (SELECT ${windowOf(scope)} AS start, ${KEY.join(", ")}, sum(amount)::DECIMAL(38, 2) AS amount, count(*) AS records
                    FROM ${accepted} GROUP BY ALL),
      found AS (SELECT epoch_us(window_start) AS start, ${KEY.join(", ")}, sum(revenue)::DECIMAL(38, 2) AS amount, sum(event_count) AS records, count(*) AS rows
                FROM ${sums} GROUP BY ALL),
      compared AS (SELECT start, ${KEY.join(", ")}, coalesce(wanted.amount, 0)::DECIMAL(38, 2) AS wanted_amount, coalesce(wanted.records, 0) AS wanted_records,
          coalesce(found.amount, 0)::DECIMAL(38, 2) AS found_amount, coalesce(found.records, 0) AS found_records, coalesce(rows, 0) AS rows
        FROM wanted FULL JOIN found USING (start, ${KEY.join(", ")}))`;
  const totals = await scope.engine.query(
    `${compared} SELECT currency, sum(wanted_amount)::DECIMAL(38, 2)::VARCHAR AS wanted_amount, sum(wanted_records)::BIGINT::VARCHAR AS wanted_records,
       sum(found_amount)::DECIMAL(38, 2)::VARCHAR AS found_amount, sum(found_records)::BIGINT::VARCHAR AS found_records, sum(rows)::BIGINT::VARCHAR AS rows
     FROM compared GROUP BY currency ORDER BY currency`,
  );
  for (const row of totals) {
    scope.tally.add(`silver.amount.${row.currency}`, hundredths(String(row.wanted_amount)));
    scope.tally.add(`silver.records.${row.currency}`, figure(row, "wanted_records"));
    scope.tally.add(`gold.amount.${row.currency}`, hundredths(String(row.found_amount)));
    scope.tally.add(`gold.records.${row.currency}`, figure(row, "found_records"));
    scope.tally.add("gold.rows", figure(row, "rows"));
  }
  const different = await scope.engine.query(
    `${compared} SELECT start::VARCHAR AS start, ${KEY.join(", ")}, wanted_amount::VARCHAR AS wanted_amount, wanted_records::BIGINT::VARCHAR AS wanted_records,
       found_amount::VARCHAR AS found_amount, found_records::BIGINT::VARCHAR AS found_records
     FROM compared WHERE wanted_amount <> found_amount OR wanted_records <> found_records ORDER BY start, ${KEY.join(", ")} LIMIT ${NAMED_AT_MOST}`,
  );
  for (const row of different) {
    scope.tally.found(
      `gold.amount.${row.currency}`,
      `window ${formatInstant(figure(row, "start"))} ${row.plan_tier} ${row.region}: silver has ${moneyText(hundredths(String(row.wanted_amount)))} from ` +
        `${row.wanted_records} accepted records, the updates ${moneyText(hundredths(String(row.found_amount)))} from ${row.found_records}`,
    );
  }
  return cut;
}

/** Begin of a row's window, in microseconds since 1970. */
function windowOf({ times }: Scope): string {
  const window = `${times.windowMs * 1000}`;
  return `(epoch_us(event_time) - ((epoch_us(event_time) % ${window}) + ${window}) % ${window})`;
}
