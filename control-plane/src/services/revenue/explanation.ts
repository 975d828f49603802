import { parseInstant } from "../../domain/delta/instant.ts";
import { toCents } from "../../domain/revenue/amount.ts";
import type { SummingUp, UpdatePart } from "../../domain/revenue/history.ts";
import type { Row } from "../query-engine.ts";
import type { SnapshotSet } from "../snapshots.ts";
import type { Commit, Commits } from "./commits.ts";
import { FINAL, type Position, UPDATES } from "./position.ts";
import type { FigureKey, RecordOfFigure } from "./records.ts";
import type { RevenueWindow } from "./windows.ts";

/** More summings-up than these are not looked through for one figure: a month of five-minute windows. */
const MOST_FINALS = 10_000;
/** A window is final this many summings-up after its last batch, or has not been read to its end. */
const FINALS_AFTER = 100;

/** Each batch's part of each window of a figure. */
export async function partsOf(set: SnapshotSet, figure: FigureKey, { batch }: Position): Promise<UpdatePart[]> {
  const { window_start, window_end, plan_tier, region, currency } = figure;
  const [first, last] = [window_start.slice(0, 10), window_end.slice(0, 10)];
  const relation = set.relation(
    UPDATES,
    ["window_start", "window_end", "plan_tier", "region", "currency", "revenue", "event_count", "batch_id"],
    ({ window_date }) => window_date == null || (window_date >= first && window_date <= last),
  );
  if (relation === undefined) return [];
  const upTo = batch === undefined ? "" : "AND batch_id <= $batch::BIGINT";
  const rows = await set.query(
    `SELECT batch_id, window_end, sum(revenue)::DECIMAL(38, 2) AS revenue, sum(event_count)::VARCHAR AS events FROM ${relation}
     WHERE window_start >= $start::TIMESTAMPTZ AND window_start < $end::TIMESTAMPTZ
       AND plan_tier = $plan_tier AND region = $region AND currency = $currency ${upTo}
     GROUP BY ALL ORDER BY batch_id, window_end`,
    {
      ...{ start: window_start, end: window_end, plan_tier, region, currency },
      ...(batch === undefined ? {} : { batch: BigInt(batch) }),
    },
  );
  return rows.map(partOf);
}

function partOf(row: Row): UpdatePart {
  return {
    batch: Number(row.batch_id),
    windowEnd: parseInstant(String(row.window_end)) as bigint,
    cents: toCents(String(row.revenue)),
    events: BigInt(String(row.events)),
  };
}

/** The commits that summed up windows while these parts were counted, and until the figure was final; one more from before them. */
export async function finalsOf(
  commits: Commits,
  parts: readonly UpdatePart[],
  { stamp, finalisedBy }: Position,
): Promise<SummingUp[]> {
  const [first, last] = [parts[0]?.batch, parts.at(-1)?.batch];
  if (first === undefined || last === undefined) return [];
  const of = { table: FINAL, kind: "final", by: "batch" } as const;
  const [before, during, after] = await Promise.all([
    commits.find({ ...of, throughBatch: first - 1, order: "newest", limit: 1 }),
    commits.find({ ...of, fromBatch: first, throughBatch: last, order: "oldest", limit: MOST_FINALS }),
    commits.find({ ...of, fromBatch: last + 1, order: "oldest", limit: FINALS_AFTER }),
  ]);
  const newest = stamp.tables[FINAL]?.version ?? -1;
  return [...before, ...during, ...after]
    .filter(({ version, at }) => version <= newest && (finalisedBy === undefined || at.toISOString() <= finalisedBy))
    .flatMap(summingUp);
}

function summingUp({ batch, at, version, entry }: Commit): SummingUp[] {
  const { finalThrough, lowWatermark } = entry;
  const through = finalThrough === null ? undefined : parseInstant(finalThrough);
  return through === undefined ? [] : [{ batch, finalThrough: through, lowWatermark, at: at.toISOString(), version }];
}

/** The batch that counted a record: the first of the figure's whose offsets have passed it. */
export function countedBy(commits: readonly Commit[], record: RecordOfFigure): number | null {
  // One that was let in was counted long after its offset.
  if (record.outcome !== "accepted" || record.override !== null) return null;
  const counted = commits.find(({ entry }) => {
    const next = entry.through[record.topic]?.[String(record.partition)];
    return next !== undefined && BigInt(record.offset) < BigInt(next);
  });
  return counted?.batch ?? null;
}

/** What is to be said of a figure, in a sentence or two. */
export function summarise(
  figure: RevenueWindow | null,
  outcomes: Record<string, string>,
  pending: bigint,
  { stamp, isFinal }: { stamp: Position["stamp"]; isFinal: boolean },
): string {
  const refused = Object.entries(outcomes).filter(([outcome, records]) => outcome !== "accepted" && records !== "0");
  const sentences: string[] = [];
  if (figure === null) sentences.push("No event of this figure has been counted.");
  else {
    const events = `${figure.event_count} ${figure.event_count === 1 ? "event" : "events"}`;
    const revision = figure.revision !== null && figure.revision > 1 ? `, revision ${figure.revision}` : "";
    sentences.push(`${figure.revenue} ${figure.currency} from ${events}, ${figure.status}${revision}.`);
  }
  if (pending > 0n) sentences.push(`${pending} more, counted after it was final, will make a revision.`);
  if (refused.length > 0) {
    const counts = refused.map(([outcome, records]) => `${records} ${outcome}`).join(", ");
    sentences.push(`Records that were not counted in it: ${counts}.`);
  }
  if (!isFinal) {
    const read =
      stamp.lowWatermark === null
        ? "Nothing has been read yet"
        : `Read is what was appended before ${stamp.lowWatermark}`;
    sentences.push(`${read}: it may still change.`);
  }
  return sentences.join(" ");
}

/** Whether a window that ends then is final. */
export function isFinalAt(end: string, { finalThrough }: Position): boolean {
  return finalThrough !== null && (parseInstant(end) as bigint) <= (parseInstant(finalThrough) as bigint);
}

/** The end of a window of some length. */
export function endOf(start: string, lengthMs: number): bigint {
  return (parseInstant(start) as bigint) + BigInt(lengthMs) * 1000n;
}
