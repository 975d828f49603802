import { formatInstant, parseInstant } from "../../domain/delta/instant.ts";
import { ceilTo, floorTo } from "../../domain/revenue/range.ts";
import type { Parameters } from "../query-engine.ts";
import type { SnapshotSet } from "../snapshots.ts";
import { type Position, UPDATES } from "./position.ts";
import type { Query } from "./request.ts";

/**
 * SQL of windows that are longer than the step between them: one for each step at which something lies in it.
 * @param grained windows of the step's length
 * @param last the latest end of one, in microseconds; null: there is none
 * @param names what is told apart, as a list
 */
export function rolled(
  grained: string,
  { grainMs, lengthMs, range }: Pick<Query, "grainMs" | "lengthMs" | "range">,
  last: bigint | null,
  names: string,
  parameters: Parameters,
): string {
  const before = `to_milliseconds(${lengthMs - grainMs})`;
  parameters.lastStart = formatInstant((last ?? 0n) - BigInt(lengthMs) * 1000n);
  const from = range.from === undefined ? "first" : `greatest(first, $from::TIMESTAMP)`;
  const until = ["last", "$lastStart::TIMESTAMP"];
  if (range.to !== undefined) {
    parameters.lastAsked = formatInstant(range.to - BigInt(grainMs) * 1000n);
    until.push("$lastAsked::TIMESTAMP");
  }
  // Steps without events of their own are rows here, too: what lies in the window that begins there may have some.
  return `(SELECT window_start, ${names}, revenue, event_count, revision FROM (
      SELECT window_start, ${names}, step, sum(revenue) OVER length AS revenue, sum(event_count) OVER length AS event_count,
        max(revision) OVER length AS revision
      FROM (SELECT *, false AS step FROM ${grained}
        UNION ALL BY NAME
        SELECT unnest(generate_series(${from}, least(${until.join(", ")}), to_milliseconds(${grainMs}))) AS window_start, ${names}, true AS step
        FROM (SELECT ${names}, min(window_start) - ${before} AS first, max(window_start) AS last FROM ${grained} GROUP BY ALL))
      WINDOW length AS (PARTITION BY ${names} ORDER BY window_start RANGE BETWEEN CURRENT ROW AND ${before} FOLLOWING))
    WHERE step AND event_count IS NOT NULL)`;
}

/**
 * Where the last rolled window ends: with the newest window of the grain that has events, or where all has been read, whichever is later. Beyond it
 * there is nothing to say yet.
 */
export async function lastRolledEnd(
  set: SnapshotSet,
  { grainMs }: Pick<Query, "grainMs">,
  { batch, stamp }: Position,
): Promise<bigint | null> {
  const relation = set.relation(UPDATES, ["window_end", "batch_id"]);
  if (relation === undefined) return null;
  const where = batch === undefined ? "" : "WHERE batch_id <= $batch::BIGINT";
  const parameters: Parameters = batch === undefined ? {} : { batch: BigInt(batch) };
  const [row] = await set.query(`SELECT max(window_end) AS newest FROM ${relation} ${where}`, parameters);
  const newest = row?.newest == null ? null : ceilTo(parseInstant(String(row.newest)) as bigint, grainMs);
  const read = stamp.lowWatermark === null ? null : floorTo(parseInstant(stamp.lowWatermark) as bigint, grainMs);
  return newest !== null && read !== null && read > newest ? read : newest;
}
