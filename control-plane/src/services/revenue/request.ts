import { parseInstant } from "../../domain/delta/instant.ts";
import { type FieldError, invalidRequest } from "../../domain/problem.ts";
import { type AsOf, readAsOf } from "../../domain/revenue/as-of.ts";
import { DIMENSIONS, type Dimension, type Filters, readFilters } from "../../domain/revenue/dimensions.ts";
import { readGrain } from "../../domain/revenue/grain.ts";
import { ceilTo, type Range, readRange } from "../../domain/revenue/range.ts";
import { readRolling } from "../../domain/revenue/rolling.ts";
import { readCursor } from "../cursor.ts";

export interface RevenueRequest {
  /** ISO-8601 with zone; windows that start at or after it */
  from?: string | undefined;
  /** ISO-8601 with zone; windows that start before it */
  to?: string | undefined;
  /** e.g. `1h`; the pipeline's window when left out */
  grain?: string | undefined;
  /** e.g. `1h`: windows of that length, one at each step of the grain */
  rolling?: string | undefined;
  plan_tier?: string[] | undefined;
  region?: string[] | undefined;
  currency?: string[] | undefined;
  /** an instant, or `version:12` of gold.revenue_5m_updates; now when left out */
  as_of?: string | undefined;
  /** by window start, then plan tier, region and currency; all reversed for `desc` */
  order: "asc" | "desc";
  limit: number;
  cursor?: string | undefined;
}

/** What tells the figures apart, in the order in which they are listed. */
export const KEY = ["window_start", ...(Object.keys(DIMENSIONS) as Dimension[])] as const;

/** A request that has been checked; times in milliseconds. */
export interface Query {
  windowMs: number;
  /** of the windows, or the step between rolled ones */
  grainMs: number;
  /** of the windows that are answered: the grain, or longer when they are rolled */
  lengthMs: number;
  /** of window starts, on the boundaries of the grain */
  range: Range;
  filters: Filters;
  asOf: AsOf | undefined;
  order: "asc" | "desc";
  limit: number;
  after: (string | number)[] | undefined;
  /** what the cursor's meaning hangs on */
  shape: string;
}

/**
 * @param others what is wrong with further fields of the request
 * @throws Problem `invalid_request` naming every field that is wrong
 */
export function readRequest(request: RevenueRequest, windowMs: number, others: readonly FieldError[] = []): Query {
  const { range, errors: rangeErrors } = readRange(request);
  const { filters, errors: filterErrors } = readFilters(request);
  const grain = readGrain(request.grain, windowMs);
  const length = readLength(request.rolling, grain);
  const asOf = request.as_of === undefined ? undefined : readAsOf(request.as_of);
  const errors = [...others, ...rangeErrors, ...filterErrors, ...[grain, length, asOf].filter(isError)];
  if (errors.length > 0 || isError(grain) || isError(length) || isError(asOf)) throw invalidRequest(errors);
  const { order, limit, rolling = "", as_of = "" } = request;
  const shape = ["revenue", order, grain, rolling, as_of].join(" ").trim();
  const after = readCursor(shape, ["instant", "text", "text", "text"], request.cursor);
  const query = { windowMs, grainMs: grain, lengthMs: length, filters, asOf, order, limit, after, shape };
  return { ...query, range: pageRange(range, query) };
}

function readLength(rolling: string | undefined, grain: number | FieldError): number | FieldError {
  // Without a grain there is nothing to compare with, and the grain is what has to be mended first.
  if (rolling === undefined || isError(grain)) return isError(grain) ? 0 : grain;
  return readRolling(rolling, grain);
}

function isError(value: unknown): value is FieldError {
  return typeof value === "object" && value !== null && "field" in value;
}

/** Whole windows only, and none that earlier pages have shown, so that their files need not be read. */
function pageRange(range: Range, { grainMs, order, after }: Pick<Query, "grainMs" | "order" | "after">): Range {
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
