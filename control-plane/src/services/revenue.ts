import { formatInstant, parseInstant } from "../domain/delta/instant.ts";
import { newestEntry } from "../domain/delta/snapshot.ts";
import { invalidRequest } from "../domain/problem.ts";
import { DIMENSIONS, type Dimension, type Filters, readFilters } from "../domain/revenue/dimensions.ts";
import { readGrain } from "../domain/revenue/grain.ts";
import { ceilTo, type Range, readRange } from "../domain/revenue/range.ts";
import { readCursor, writeCursor } from "./cursor.ts";
import type { Parameters, Row } from "./query-engine.ts";
import type { SnapshotSet, SnapshotStamp, Snapshots } from "./snapshots.ts";

export interface RevenueRequest {
  /** ISO-8601 with zone; windows that start at or after it */
  from?: string | undefined;
  /** ISO-8601 with zone; windows that start before it */
  to?: string | undefined;
  /** e.g. `1h`; the pipeline's window when left out */
  grain?: string | undefined;
  plan_tier?: string[] | undefined;
  region?: string[] | undefined;
  currency?: string[] | undefined;
  /** by window start, then plan tier, region and currency; all reversed for `desc` */
  order: "asc" | "desc";
  limit: number;
  cursor?: string | undefined;
}

export interface RevenueWindow {
  window_start: string;
  window_end: string;
  plan_tier: string;
  region: string;
  currency: string;
  /** exact, two digits */
  revenue: string;
  event_count: number | string;
  status: "final" | "provisional";
  /** how often the figure was made final, 1 if once; of a coarser window the highest of its parts; null while provisional */
  revision: number | null;
}

export interface RevenueAnswer {
  items: RevenueWindow[];
  nextCursor: string | null;
  snapshot: SnapshotStamp & {
    /** every window that ends at or before it is final; null while none is */
    finalThrough: string | null;
  };
}

export interface Revenue {
  /** @throws Problem `invalid_request` naming every field that is wrong */
  windows(request: RevenueRequest): Promise<RevenueAnswer>;
}

const FINAL = "gold.revenue_5m";
const UPDATES = "gold.revenue_5m_updates";
const KEY = ["window_start", ...(Object.keys(DIMENSIONS) as Dimension[])] as const;
/** Conditions compare instants as the files hold them, so that whole row groups are skipped; arithmetic afterwards needs no zone. */
const PLAIN_KEY = `window_start::TIMESTAMP AS ${KEY.join(", ")}`;

interface Query {
  /** milliseconds */
  windowMs: number;
  grainMs: number;
  /** of window starts of the asked grain, on its boundaries */
  range: Range;
  filters: Filters;
  order: "asc" | "desc";
  limit: number;
  after: (string | number)[] | undefined;
}

/**
 * Revenue by window, plan tier, region and currency: final rows plus the summed updates of windows that are not final yet.
 *
 * `createRevenue({ snapshots, windowMs: manifest.parameters.windowMs })`
 */
export function createRevenue({ snapshots, windowMs }: { snapshots: Snapshots; windowMs: number }): Revenue {
  return {
    async windows(request) {
      const query = readRequest(request, windowMs);
      // Final rows first: the updates are then at least as new as what the final rows sum, and no window falls between the two.
      return snapshots.read([FINAL, UPDATES], async (set) => {
        const finalThrough = await finality(set);
        const rows = await select(set, query, finalThrough);
        const page = rows.slice(0, query.limit) as unknown as RevenueWindow[];
        const last = rows.length > query.limit ? page.at(-1) : undefined;
        return {
          items: page,
          nextCursor:
            last === undefined
              ? null
              : writeCursor(
                  shape(query),
                  KEY.map((name) => last[name]),
                ),
          snapshot: { ...set.stamp(UPDATES), finalThrough },
        };
      });
    },
  };
}

function readRequest(request: RevenueRequest, windowMs: number): Query {
  const { range, errors: rangeErrors } = readRange(request);
  const { filters, errors: filterErrors } = readFilters(request);
  const grain = readGrain(request.grain, windowMs);
  const errors = [...rangeErrors, ...filterErrors, ...(typeof grain === "number" ? [] : [grain])];
  if (errors.length > 0 || typeof grain !== "number") throw invalidRequest(errors);
  const query = { windowMs, grainMs: grain, filters, order: request.order, limit: request.limit };
  const after = readCursor(shape(query), ["instant", "text", "text", "text"], request.cursor);
  return { ...query, after, range: pageRange(range, query, after) };
}

function shape(query: Pick<Query, "order" | "grainMs">): string {
  return `revenue ${query.order} ${query.grainMs}`;
}

/** Whole windows only, and none that earlier pages have shown, so that their files need not be read. */
function pageRange(range: Range, { grainMs, order }: Pick<Query, "grainMs" | "order">, after: Query["after"]): Range {
  let from = range.from === undefined ? undefined : ceilTo(range.from, grainMs);
  let to = range.to === undefined ? undefined : ceilTo(range.to, grainMs);
  const shown = after === undefined ? undefined : parseInstant(String(after[0]));
  if (shown !== undefined && order === "asc" && (from === undefined || shown > from)) from = shown;
  if (shown !== undefined && order === "desc") {
    const end = shown + BigInt(grainMs) * 1000n;
    if (to === undefined || end < to) to = end;
  }
  return { from, to };
}

/** Through when windows are final; where clean-up took the entry that says so, the end of the newest final row is a safe answer. */
async function finality(set: SnapshotSet): Promise<string | null> {
  const snapshot = set.snapshot(FINAL);
  const said = snapshot && newestEntry(snapshot, "final")?.finalThrough;
  if (said != null || snapshot === undefined || snapshot.files.size === 0) return said ?? null;
  const [row] = await set.query(`SELECT max(window_end) AS through FROM ${set.relation(FINAL, ["window_end"])}`);
  return (row?.through as string | null | undefined) ?? null;
}

async function select(set: SnapshotSet, query: Query, finalThrough: string | null): Promise<Row[]> {
  const parameters: Parameters = { limit: query.limit + 1 };
  const conditions = [...bounds(query, parameters), ...filtered(query.filters, parameters)];
  const parts = [
    finalPart(set, query, finalThrough, conditions),
    provisionalPart(set, query, finalThrough, conditions),
  ].filter((part) => part !== undefined);
  if (parts.length === 0) return [];
  if (finalThrough !== null) parameters.finalThrough = finalThrough;
  const base = `(${parts.join("\nUNION ALL\n")})`;
  const keys = KEY.slice(1).join(", ");
  const summed =
    query.grainMs === query.windowMs
      ? base
      : `(SELECT time_bucket(to_milliseconds(${query.grainMs}), window_start, TIMESTAMP '1970-01-01') AS window_start, ${keys},
           sum(revenue) AS revenue, sum(event_count) AS event_count, max(revision) AS revision FROM ${base} GROUP BY ALL)`;
  const end = `window_start + to_milliseconds(${query.grainMs})`;
  const isFinal = finalThrough === null ? "false" : `${end} <= $finalThrough::TIMESTAMP`;
  return set.query(
    `SELECT window_start, ${end} AS window_end, ${keys}, revenue::DECIMAL(38, 2) AS revenue, event_count::BIGINT AS event_count,
       CASE WHEN ${isFinal} THEN 'final' ELSE 'provisional' END AS status, CASE WHEN ${isFinal} THEN revision END AS revision
     FROM ${summed} ${afterCursor(query, parameters)}
     ORDER BY ${KEY.map((name) => `${name} ${query.order}`).join(", ")} LIMIT $limit`,
    parameters,
  );
}

function bounds({ range }: Query, parameters: Parameters): string[] {
  const conditions: string[] = [];
  if (range.from !== undefined) {
    parameters.from = formatInstant(range.from);
    conditions.push("window_start >= $from::TIMESTAMPTZ");
  }
  if (range.to !== undefined) {
    parameters.to = formatInstant(range.to);
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
  query: Query,
  finalThrough: string | null,
  conditions: string[],
): string | undefined {
  if (finalThrough === null) return undefined;
  const relation = set.relation(
    FINAL,
    [...KEY, "window_end", "revenue", "event_count", "revision"],
    keepDates(query.range),
  );
  const where = ["window_end <= $finalThrough::TIMESTAMPTZ", ...conditions].join(" AND ");
  return (
    relation &&
    `SELECT ${PLAIN_KEY}, arg_max(revenue, revision) AS revenue, arg_max(event_count, revision) AS event_count, max(revision) AS revision
     FROM ${relation} WHERE ${where} GROUP BY ALL`
  );
}

function provisionalPart(
  set: SnapshotSet,
  query: Query,
  finalThrough: string | null,
  conditions: string[],
): string | undefined {
  const open =
    finalThrough === null ? undefined : (parseInstant(finalThrough) as bigint) - BigInt(query.windowMs) * 1000n;
  const from =
    open !== undefined && (query.range.from === undefined || open > query.range.from) ? open : query.range.from;
  const relation = set.relation(
    UPDATES,
    [...KEY, "window_end", "revenue", "event_count"],
    keepDates({ ...query.range, from }),
  );
  const where =
    [...(finalThrough === null ? [] : ["window_end > $finalThrough::TIMESTAMPTZ"]), ...conditions].join(" AND ") ||
    "true";
  return (
    relation &&
    `SELECT ${PLAIN_KEY}, sum(revenue) AS revenue, sum(event_count) AS event_count, NULL::INTEGER AS revision
     FROM ${relation} WHERE ${where} GROUP BY ALL`
  );
}

/** Leaves out the files of days that the range does not touch. */
function keepDates({ from, to }: Range): (partition: Readonly<Record<string, string | null>>) => boolean {
  const first = from === undefined ? "" : formatInstant(from).slice(0, 10);
  const last = to === undefined ? "9999" : formatInstant(to).slice(0, 10);
  return ({ window_date }) => window_date == null || (window_date >= first && window_date <= last);
}
