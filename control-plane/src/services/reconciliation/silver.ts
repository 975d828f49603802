import type { LiveFile } from "../../domain/delta/snapshot.ts";
import type { AuditedTable } from "./audited-table.ts";
import { checkOverrides, compareWithBooks } from "./overrides.ts";
import type { Compared } from "./ports.ts";
import { figure, findPlaces, ledgerRows, newestCut, type Scope } from "./scope.ts";
import { BRONZE, SILVER } from "./tables.ts";

const COLUMNS = ["partition", "offset", "kafka_timestamp", "outcome", "event_id", "override"];
const NAMED_AT_MOST = 10;

export const silverLine = (partition: number | string) => `silver.offsets.${partition}`;

/** Silver's rows against bronze's, and each other. @param before null counts all rows */
export async function checkSilver(scope: Scope, before: Compared | null): Promise<Compared | null> {
  const [bronze, silver] = [scope.table(BRONZE), scope.table(SILVER)];
  if (bronze === undefined || silver === undefined) return before;
  const cut = await newestCut(scope, bronze, silver, before);
  if (cut === null || cut.upstream > bronze.newest) {
    if (before !== null) await compareWithBooks(scope, before.version, [], before.version);
    return before;
  }
  const files = await silver.filesBetween(before?.version ?? null, cut.version);
  const rows = await silver.relation(cut.version, files, COLUMNS);
  const bronzeFiles = await bronze.filesBetween(before?.upstream ?? null, cut.upstream);
  const source = await bronze.relation(cut.upstream, bronzeFiles, ["partition", "offset"]);
  await compareOffsets(scope, source, rows);
  const all = async () => silver.relation(cut.version, await silver.filesBetween(null, cut.version), COLUMNS);
  await checkOverrides(scope, cut.version, before, { rows, source, all });
  await checkIds(scope, silver, cut.version, rows, before === null);
  await countOutcomes(scope, rows, await ledgerRows(scope, SILVER, before?.version ?? null, cut.version));
  return cut;
}

/** Each offset of bronze has one row that is nobody's decision, or, where a replay applied one at once, one that is. */
async function compareOffsets(scope: Scope, source: string, rows: string): Promise<void> {
  const compared = `WITH wanted AS (SELECT DISTINCT partition, "offset" FROM ${source}),
      found AS (SELECT partition, "offset", count(*) FILTER (override IS NULL) AS own, count(*) FILTER (override IS NOT NULL) AS decided
                FROM ${rows} GROUP BY ALL),
      compared AS (
        SELECT coalesce(wanted.partition, found.partition) AS partition, coalesce(wanted."offset", found."offset") AS "offset",
          CASE WHEN found.partition IS NULL THEN 'missing' WHEN wanted.partition IS NULL AND own > 0 THEN 'unknown'
               WHEN own > 1 OR (own = 0 AND decided > 1 AND wanted.partition IS NOT NULL) THEN 'doubled' END AS problem,
          wanted.partition IS NOT NULL AS in_bronze, own > 0 OR (decided > 0 AND wanted.partition IS NOT NULL) AS in_silver
        FROM wanted FULL JOIN found ON wanted.partition = found.partition AND wanted."offset" = found."offset")`;
  const counted = await scope.engine.query(
    `${compared} SELECT partition, count(*) FILTER (in_bronze)::VARCHAR AS bronze, count(*) FILTER (in_silver)::VARCHAR AS silver,
       count(problem)::VARCHAR AS problems FROM compared GROUP BY partition ORDER BY partition`,
  );
  for (const row of counted) {
    scope.tally.add(`silver.bronze.${row.partition}`, figure(row, "bronze"));
    scope.tally.add(`silver.offsets.${row.partition}`, figure(row, "silver"));
  }
  if (counted.every((row) => row.problems === "0")) return;
  const problems = {
    missing: "no row in silver",
    doubled: "more than one row in silver",
    unknown: "rows in silver for offsets that bronze does not have, or that were judged before",
  };
  for (const [problem, text] of Object.entries(problems)) {
    await findPlaces(
      scope,
      silverLine,
      text,
      `${compared} SELECT partition, "offset" FROM compared WHERE problem = '${problem}'`,
    );
  }
}

/** Every duplicate repeats an accepted record, and no id is accepted twice. */
async function checkIds(scope: Scope, silver: AuditedTable, version: number, rows: string, isRecount: boolean) {
  const { horizon, relation } = await lookBack(scope, silver, version, rows, isRecount);
  const dangling = (accepted: string) =>
    `SELECT partition, "offset" FROM ${rows} AS copies WHERE outcome = 'duplicate' AND NOT EXISTS
       (SELECT 1 FROM ${accepted} AS accepted WHERE accepted.event_id = copies.event_id)`;
  let missing = dangling(relation);
  const [found] = await scope.engine.query(`SELECT count(*)::VARCHAR AS records FROM (${missing})`);
  if (figure(found, "records") > 0n && !isRecount) missing = dangling(await acceptedRows(silver, version));
  if (figure(found, "records") > 0n) {
    await findPlaces(scope, () => "silver.duplicates", "duplicates of no accepted record", missing);
  }
  const twice = await scope.engine.query(
    `SELECT event_id, count(*)::VARCHAR AS records, string_agg(partition || '/' || "offset", ', ' ORDER BY kafka_timestamp) AS places,
       max(kafka_timestamp) - min(kafka_timestamp) > to_milliseconds(${horizon}) AS beyond
     FROM ${relation} WHERE override IS NULL AND event_id IN (SELECT event_id FROM ${rows} WHERE outcome = 'accepted')
     GROUP BY event_id HAVING count(*) > 1 ORDER BY event_id LIMIT ${NAMED_AT_MOST}`,
  );
  for (const row of twice) {
    const where = row.beyond === true ? "beyond the dedup horizon" : "within the dedup horizon";
    scope.tally.found(
      "silver.twice",
      `${row.event_id} was accepted ${row.records} times ${where}, at partition/offset ${row.places}`,
    );
  }
  const [counted] = await scope.engine.query(
    `SELECT count(*) FILTER (outcome = 'duplicate')::VARCHAR AS copies,
       count(DISTINCT event_id) FILTER (outcome = 'accepted' AND override IS NULL)::VARCHAR AS ids,
       count(*) FILTER (outcome = 'accepted' AND override IS NULL)::VARCHAR AS accepted FROM ${rows}`,
  );
  scope.tally.add("silver.copies", figure(counted, "copies"));
  scope.tally.add("silver.ids", figure(counted, "ids"));
  scope.tally.add("silver.accepted", figure(counted, "accepted"));
}

/** Accepted rows that new ones may repeat: of two horizons, or all of them for a recount. */
async function lookBack(
  scope: Scope,
  silver: AuditedTable,
  version: number,
  rows: string,
  isRecount: boolean,
): Promise<{ horizon: number; relation: string }> {
  const horizon = scope.times.dedupHorizonMs;
  if (isRecount) return { horizon, relation: await acceptedRows(silver, version) };
  const [oldest] = await scope.engine.query(`SELECT epoch_us(min(kafka_timestamp))::VARCHAR AS at FROM ${rows}`);
  const since = figure(oldest, "at") - BigInt(2 * horizon) * 1000n;
  const recent = await silver.since(await silver.filesBetween(null, version), "kafka_timestamp", since);
  const accepted = await acceptedRows(silver, version, recent);
  return { horizon, relation: `(SELECT * FROM ${accepted} WHERE kafka_timestamp >= make_timestamptz(${since}))` };
}

async function acceptedRows(silver: AuditedTable, version: number, files?: readonly LiveFile[]): Promise<string> {
  const all = files ?? (await silver.filesBetween(null, version));
  return silver.relation(version, all, COLUMNS, ({ outcome }) => outcome === "accepted");
}

async function countOutcomes(scope: Scope, rows: string, told: Record<string, bigint>): Promise<void> {
  const counted = await scope.engine.query(
    `SELECT outcome, count(*)::VARCHAR AS records FROM ${rows} GROUP BY outcome`,
  );
  for (const row of counted) {
    scope.tally.add(`outcome.rows.${row.outcome}`, figure(row, "records"));
    scope.tally.add("silver.rows", figure(row, "records"));
  }
  for (const [outcome, records] of Object.entries(told)) {
    // What people let in is accepted, too: its commits count it under a name of its own.
    const counted = outcome === "overridden" ? "accepted" : outcome;
    if (outcome !== "rowsIn") scope.tally.add(`outcome.ledger.${counted}`, records);
  }
}
