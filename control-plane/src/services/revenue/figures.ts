import { formatInstant, parseInstant } from "../../domain/delta/instant.ts";
import type { Filters } from "../../domain/revenue/dimensions.ts";
import type { Range } from "../../domain/revenue/range.ts";
import type { Parameters, Row } from "../query-engine.ts";
import type { SnapshotSet } from "../snapshots.ts";
import { FINAL, type Position, UPDATES } from "./position.ts";
import { KEY, type Query } from "./request.ts";
import { lastRolledEnd, rolled } from "./rolled.ts";

/** Conditions compare instants as the files hold them, so that whole row groups are skipped; arithmetic afterwards needs no zone. */
const PLAIN_KEY = `window_start::TIMESTAMP AS ${KEY.join(", ")}`;
const DIMENSION_NAMES = KEY.slice(1).join(", ");

/** The figures that a query asks for, and one more than its limit when there are more. */
export async function selectFigures(set: SnapshotSet, query: Query, position: Position): Promise<Row[]> {
  const parameters: Parameters = { limit: query.limit + 1 };
  const base = windowsSql(set, query, position, parameters);
  if (base === undefined) return [];
  const { grainMs, windowMs, lengthMs } = query;
  const grained =
    grainMs === windowMs
      ? base
      : `(SELECT time_bucket(to_milliseconds(${grainMs}), window_start, TIMESTAMP '1970-01-01') AS window_start, ${DIMENSION_NAMES},
           sum(revenue) AS revenue, sum(event_count) AS event_count, max(revision) AS revision FROM ${base} GROUP BY ALL)`;
  const figures =
    lengthMs === grainMs
      ? grained
      : rolled(grained, query, await lastRolledEnd(set, query, position), DIMENSION_NAMES, parameters);
  const end = `window_start + to_milliseconds(${lengthMs})`;
  const isFinal = position.finalThrough === null ? "false" : `${end} <= $finalThrough::TIMESTAMP`;
  return set.query(
    `SELECT window_start, ${end} AS window_end, ${DIMENSION_NAMES}, revenue::DECIMAL(38, 2) AS revenue, event_count::BIGINT AS event_count,
       CASE WHEN ${isFinal} THEN 'final' ELSE 'provisional' END AS status, CASE WHEN ${isFinal} THEN revision END AS revision
     FROM ${figures} ${afterCursor(query, parameters)}
     ORDER BY ${KEY.map((name) => `${name} ${query.order}`).join(", ")} LIMIT $limit`,
    parameters,
  );
}

/** The pipeline's own windows: final rows, and the summed updates of those that are not final. Undefined while no table exists. */
function windowsSql(set: SnapshotSet, query: Query, position: Position, parameters: Parameters): string | undefined {
  // Rolled windows reach beyond the last start that was asked for.
  const { from, to } = query.range;
  const beyond = BigInt(query.lengthMs - query.grainMs) * 1000n;
  const range = { from, to: to === undefined ? undefined : to + beyond };
  const conditions = [...bounds(range, parameters), ...filtered(query.filters, parameters)];
  const parts = [
    finalPart(set, range, position, conditions, parameters),
    provisionalPart(set, { ...range, windowMs: query.windowMs }, position, conditions, parameters),
  ].filter((part) => part !== undefined);
  if (position.finalThrough !== null) parameters.finalThrough = position.finalThrough;
  return parts.length === 0 ? undefined : `(${parts.join("\nUNION ALL\n")})`;
}

function bounds({ from, to }: Range, parameters: Parameters): string[] {
  const conditions: string[] = [];
  if (from !== undefined) {
    parameters.from = formatInstant(from);
    conditions.push("window_start >= $from::TIMESTAMPTZ");
  }
  if (to !== undefined) {
    parameters.to = formatInstant(to);
    conditions.push("window_start < $to::TIMESTAMPTZ");
  }
  return conditions;
}

function filtered(filters: Filters, parameters: Parameters): string[] {
  return Object.entries(filters).map(([dimension, values]) => {
    const names = values.map((value, at) => {
      parameters[`${dimension}_${at}`] = value;
      return `$${dimension}_${at}`;
    });
    return `${dimension} IN (${names.join(", ")})`;
  });
}

function afterCursor({ after, order }: Query, parameters: Parameters): string {
  if (after === undefined) return "";
  const values = KEY.map((name, at) => {
    parameters[`after_${name}`] = after[at] as string;
    return name === "window_start" ? `$after_${name}::TIMESTAMP` : `$after_${name}`;
  });
  return `WHERE (${KEY.join(", ")}) ${order === "asc" ? ">" : "<"} (${values.join(", ")})`;
}

function finalPart(
  set: SnapshotSet,
  range: Range,
  { finalThrough, finalisedBy }: Position,
  conditions: string[],
  parameters: Parameters,
): string | undefined {
  if (finalThrough === null) return undefined;
  const columns = [...KEY, "window_end", "revenue", "event_count", "finalized_at", "revision"];
  const relation = set.relation(FINAL, columns, keepDates(range));
  const where = ["window_end <= $finalThrough::TIMESTAMPTZ", ...conditions];
  if (finalisedBy !== undefined) {
    parameters.finalisedBy = finalisedBy;
    // It is taken when the rows are worked out: before their commit, and after the commit before.
    where.push("finalized_at <= $finalisedBy::TIMESTAMPTZ");
  }
  return (
    relation &&
    `SELECT ${PLAIN_KEY}, arg_max(revenue, revision) AS revenue, arg_max(event_count, revision) AS event_count, max(revision) AS revision
     FROM ${relation} WHERE ${where.join(" AND ")} GROUP BY ALL`
  );
}

function provisionalPart(
  set: SnapshotSet,
  { windowMs, ...range }: Range & { windowMs: number },
  { finalThrough, batch }: Position,
  conditions: string[],
  parameters: Parameters,
): string | undefined {
  const open = finalThrough === null ? undefined : (parseInstant(finalThrough) as bigint) - BigInt(windowMs) * 1000n;
  const from = open !== undefined && (range.from === undefined || open > range.from) ? open : range.from;
  const columns = [...KEY, "window_end", "revenue", "event_count", "batch_id"];
  const relation = set.relation(UPDATES, columns, keepDates({ ...range, from }));
  const where = [...(finalThrough === null ? [] : ["window_end > $finalThrough::TIMESTAMPTZ"]), ...conditions];
  if (batch !== undefined) {
    parameters.batch = BigInt(batch);
    where.push("batch_id <= $batch::BIGINT");
  }
  return (
    relation &&
    `SELECT ${PLAIN_KEY}, sum(revenue) AS revenue, sum(event_count) AS event_count, NULL::INTEGER AS revision
     FROM ${relation} WHERE ${where.join(" AND ") || "true"} GROUP BY ALL`
  );
}

/** Leaves out the files of days that the range does not touch. */
function keepDates({ from, to }: Range): (partition: Readonly<Record<string, string | null>>) => boolean {
  const first = from === undefined ? "" : formatInstant(from).slice(0, 10);
  const last = to === undefined ? "9999" : formatInstant(to).slice(0, 10);
  return ({ window_date }) => window_date == null || (window_date >= first && window_date <= last);
}
