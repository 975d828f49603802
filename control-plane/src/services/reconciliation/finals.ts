import { formatInstant, parseInstant } from "../../domain/delta/instant.ts";
import type { KeepFile } from "../../domain/delta/relation.ts";
import type { LiveFile } from "../../domain/delta/snapshot.ts";
import { hundredths, moneyText } from "../../domain/reconciliation/tally.ts";
import type { LedgerRow } from "../rows.ts";
import { KEY } from "./gold.ts";
import type { Compared, Resume } from "./ports.ts";
import { figure, newEntries, type Scope } from "./scope.ts";
import { FINAL, UPDATES } from "./tables.ts";

const NAMED_AT_MOST = 10;
const GROUP = ["start", ...KEY].join(", ");

type FinalEntry = NonNullable<Resume["finals"]>;

/** The newest row of each final window against the sum of its updates. @param before null compares all windows */
export async function checkFinals(
  scope: Scope,
  before: Resume["finals"],
  gold: Compared | null,
): Promise<Resume["finals"]> {
  const [updates, finals] = [scope.table(UPDATES), scope.table(FINAL)];
  if (updates === undefined || finals === undefined || gold === null) return before;
  const entries = await newEntries(scope, finals, before?.version ?? null);
  const cut = entries.flatMap(finalEntry).findLast((entry) => entry.throughBatch <= gold.batch);
  if (cut === undefined) return before;

  const through = micros(cut.finalThrough);
  const newRows = await finals.filesBetween(before?.version ?? null, cut.version);
  const newSums = await updates.filesBetween(before?.updatesVersion ?? null, gold.version);
  const keep = before === null ? () => true : onDays([...newRows, ...newSums], before, cut, scope.times.windowMs);
  const sums = await updates.relation(
    gold.version,
    await updates.filesBetween(null, gold.version),
    ["window_start", "window_end", "revenue", "event_count", "batch_id", ...KEY],
    keep,
  );
  const columns = ["window_start", "window_end", "revenue", "event_count", "revision", ...KEY];
  const rows = await finals.relation(cut.version, await finals.filesBetween(null, cut.version), columns, keep);
  // Windows that became final since the check before, and final ones that came to have more updates or rows.
  const windows =
    before === null
      ? "true"
      : `(epoch_us(window_end) > ${micros(before.finalThrough)} OR epoch_us(window_start) IN
           (SELECT epoch_us(window_start) FROM ${sums} WHERE batch_id > ${before.throughBatch} AND batch_id <= ${cut.throughBatch}
            UNION SELECT epoch_us(window_start) FROM ${await finals.relation(cut.version, newRows, ["window_start"])}))`;
  const compared = `WITH wanted AS (SELECT epoch_us(window_start) AS start, ${KEY.join(", ")}, sum(revenue)::DECIMAL(38, 2) AS amount, sum(event_count) AS records
                    FROM ${sums} WHERE epoch_us(window_end) <= ${through} AND batch_id <= ${cut.throughBatch} AND ${windows} GROUP BY ALL),
      revisions AS (SELECT epoch_us(window_start) AS start, ${KEY.join(", ")}, revision, revenue AS amount, event_count AS records
                    FROM ${rows} WHERE epoch_us(window_end) <= ${through} AND ${windows}),
      found AS (SELECT ${GROUP}, arg_max(amount, revision) AS amount, arg_max(records, revision) AS records,
                  count(*) AS rows, count(DISTINCT revision) AS revisions FROM revisions GROUP BY ${GROUP}),
      compared AS (SELECT ${GROUP}, wanted.amount AS wanted_amount, wanted.records AS wanted_records, found.amount AS found_amount,
          found.records AS found_records, rows, revisions FROM wanted FULL JOIN found USING (${GROUP}))`;
  const isRight = "(wanted_amount = found_amount AND wanted_records = found_records AND rows = revisions)";
  const [counted] = await scope.engine.query(
    `${compared} SELECT count(*)::VARCHAR AS keys, count(*) FILTER (${isRight})::VARCHAR AS right_ones FROM compared`,
  );
  scope.tally.add("finals.keys", figure(counted, "keys"));
  scope.tally.add("finals.right", figure(counted, "right_ones"));
  const wrong = await scope.engine.query(
    `${compared} SELECT start::VARCHAR AS start, ${KEY.join(", ")}, wanted_amount::VARCHAR AS wanted_amount, wanted_records::BIGINT::VARCHAR AS wanted_records,
       found_amount::VARCHAR AS found_amount, found_records::VARCHAR AS found_records, rows > revisions AS doubled
     FROM compared WHERE ${isRight} IS NOT TRUE ORDER BY ${GROUP} LIMIT ${NAMED_AT_MOST}`,
  );
  for (const row of wrong) {
    const key = `window ${formatInstant(figure(row, "start"))} ${row.plan_tier} ${row.region} ${row.currency}`;
    const wanted = row.wanted_amount === null ? "no update" : amount(row.wanted_amount, row.wanted_records);
    const found =
      row.found_amount === null
        ? "there is no final row"
        : `the final row says ${amount(row.found_amount, row.found_records)}`;
    const doubled = row.doubled === true ? ", and a revision is there more than once" : "";
    scope.tally.found("gold.final", `${key}: ${found}, its updates ${wanted}${doubled}`);
  }
  return cut;
}

/** Files of the days of which windows are compared: those of new rows, and those that became final. */
function onDays(fresh: readonly LiveFile[], before: FinalEntry, cut: FinalEntry, windowMs: number): KeepFile {
  const days = new Set(fresh.map(({ partition }) => partition.window_date));
  const first = formatInstant(micros(before.finalThrough) - BigInt(windowMs) * 1000n).slice(0, 10);
  const last = cut.finalThrough.slice(0, 10);
  return ({ window_date: day }) => day == null || days.has(day) || (day >= first && day <= last);
}

function amount(revenue: unknown, records: unknown): string {
  return `${moneyText(hundredths(String(revenue)))} from ${records}`;
}

function finalEntry({ kind, version, entry }: LedgerRow): FinalEntry[] {
  const { finalThrough, throughBatch, updatesVersion } = entry as Partial<FinalEntry>;
  if (kind !== "final" || finalThrough == null || throughBatch == null || updatesVersion == null) return [];
  return [{ version: Number(version), finalThrough, throughBatch, updatesVersion }];
}

function micros(instant: string): bigint {
  return parseInstant(instant) ?? 0n;
}
