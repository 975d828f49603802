import { parseInstant } from "../delta/instant.ts";
import { formatDuration, parseDuration } from "../duration.ts";
import type { PipelineParameters } from "../manifest.ts";
import type { FieldError } from "../problem.ts";
import { type Aliases, readAliases } from "../specs/alias-spec.ts";
import type { JobSpec } from "../specs/job-spec.ts";
import type { GenerationRules } from "../specs/rules.ts";
import { type Complaint, StrictReader } from "../strict-reader.ts";
import { checkGates, type Gates } from "./gates.ts";
import type { OffsetVector } from "./offsets.ts";
import { readShadowSpecs, type ShadowSpecs } from "./shadow-specs.ts";

/** Where a replay begins. */
export type ReplayStart = { kind: "beginning" } | ReplayPlace;

/** A place in the topic. */
export type ReplayPlace =
  /** the first record of each partition at or after a moment, ISO-8601 */
  | { kind: "timestamp"; timestamp: string }
  | { kind: "offsets"; offsets: OffsetVector }
  /** of the table that the job reads */
  | { kind: "version"; version: string };

/** What a replay is asked for, with everything that was left out filled in. */
export interface ReplayRequest {
  job: string;
  from: ReplayStart;
  /** where its rules end; null: nowhere */
  to: ReplayPlace | null;
  /** rules of the new generation that differ from what it would have */
  rules: Partial<PipelineParameters>;
  /** in what the specs of shadow jobs differ from those of the jobs that they shadow */
  specs: ShadowSpecs;
  gates: Gates;
  autoPromote: boolean;
  /** how far the live jobs may fall behind before the shadow jobs have to wait */
  liveLagBoundMs: number;
  /** how long the generation before is kept once this one is live */
  keepMs: number;
}

/** A request as people write it. */
export interface ReplayBody {
  job: string;
  from?: { beginning?: boolean } & Place;
  to?: Place;
  rules?: RulesBody;
  specs?: Record<string, object>;
  gates?: Gates;
  autoPromote?: boolean;
  liveLagBound?: string;
  keep?: string;
}

interface Place {
  timestamp?: string;
  offsets?: OffsetVector;
  version?: string;
}

export interface RulesBody {
  aliases?: Record<string, Record<string, string>>;
  allowedLateness?: string;
  allowedSkew?: string;
  dedupHorizon?: string;
}

const DEFAULT_BOUND_MS = 30_000;
const DEFAULT_KEEP_MS = 7 * 86_400_000;
const BOUND = { leastMs: 1_000, mostMs: 3_600_000 };
const KEEP = { leastMs: 0, mostMs: 90 * 86_400_000 };
const RULE_MOST_MS = 7 * 86_400_000;
const OFFSET = /^\d{1,18}$/;

/**
 * Reads a request, whose form a schema has checked.
 * @param jobs all jobs of the pipeline
 * @returns what is asked for, or what is wrong with it
 */
export function readReplayRequest(
  body: ReplayBody,
  jobs: Readonly<Record<string, JobSpec>>,
  now: Date,
): { request: ReplayRequest } | { errors: FieldError[] } {
  const errors: FieldError[] = [];
  const request: ReplayRequest = {
    job: body.job,
    from: readStart(body.from, now, errors),
    to: readEnd(body.to, now, errors),
    rules: readRules(body.rules ?? {}, errors),
    specs: readShadowSpecs(body.specs ?? {}, jobs, errors),
    gates: body.gates ?? {},
    autoPromote: body.autoPromote ?? false,
    liveLagBoundMs: readDuration("body.liveLagBound", body.liveLagBound, DEFAULT_BOUND_MS, BOUND, errors),
    keepMs: readDuration("body.keep", body.keep, DEFAULT_KEEP_MS, KEEP, errors),
  };
  errors.push(...checkGates(request.gates));
  return errors.length > 0 ? { errors } : { request };
}

const PLACES = "timestamp, offsets, version";

function readStart(from: ReplayBody["from"], now: Date, errors: FieldError[]): ReplayStart {
  const { beginning, ...place } = from ?? { beginning: true };
  const given = Object.values(place).filter((value) => value !== undefined);
  if (given.length + (beginning === undefined ? 0 : 1) !== 1 || beginning === false) {
    errors.push({ field: "body.from", value: from, expected: `exactly one of beginning (true), ${PLACES}` });
  } else if (beginning === undefined) {
    return readPlace("body.from", place, now, errors);
  }
  return { kind: "beginning" };
}

function readEnd(to: ReplayBody["to"], now: Date, errors: FieldError[]): ReplayPlace | null {
  if (to === undefined) return null;
  if (Object.values(to).filter((value) => value !== undefined).length === 1) {
    return readPlace("body.to", to, now, errors);
  }
  errors.push({ field: "body.to", value: to, expected: `exactly one of ${PLACES}` });
  return null;
}

/** @param place has exactly one of them */
function readPlace(field: string, place: Place, now: Date, errors: FieldError[]): ReplayPlace {
  const { timestamp, offsets, version = "" } = place;
  if (timestamp !== undefined) {
    const at = parseInstant(timestamp);
    const expected = isFuture(at, now) ? "a moment that is not in the future" : "an ISO-8601 instant with zone";
    if (at === undefined || isFuture(at, now)) {
      errors.push({ field: `${field}.timestamp`, value: timestamp, expected });
    }
    return { kind: "timestamp", timestamp };
  }
  if (offsets === undefined) return { kind: "version", version };
  const wrong = Object.entries(offsets).filter(
    ([partition, offset]) => !/^\d{1,9}$/.test(partition) || !OFFSET.test(offset),
  );
  for (const [partition, offset] of wrong) {
    const expected = "an offset in digits, by the number of its partition";
    errors.push({ field: `${field}.offsets.${partition}`, value: offset, expected });
  }
  return { kind: "offsets", offsets: wrong.length > 0 ? {} : normal(offsets) };
}

function isFuture(at: bigint | undefined, now: Date): boolean {
  return at !== undefined && at > BigInt(now.getTime()) * 1_000n;
}

/** By their values: "007" and "7" are one offset. */
function normal(offsets: OffsetVector): OffsetVector {
  return Object.fromEntries(
    Object.entries(offsets).map(([partition, offset]) => [String(Number(partition)), String(BigInt(offset))]),
  );
}

function readRules(rules: RulesBody, errors: FieldError[]): Partial<PipelineParameters> {
  const range = { leastMs: 0, mostMs: RULE_MOST_MS };
  const duration = (name: "allowedLateness" | "allowedSkew" | "dedupHorizon") =>
    rules[name] === undefined
      ? {}
      : { [`${name}Ms`]: readDuration(`body.rules.${name}`, rules[name], 0, range, errors) };
  return {
    ...{ ...duration("allowedLateness"), ...duration("allowedSkew"), ...duration("dedupHorizon") },
    ...(rules.aliases === undefined ? {} : { aliases: readAliasRules(rules.aliases, errors) }),
  };
}

/** The same as a manifest may say, and checked in the same way. */
function readAliasRules(given: NonNullable<RulesBody["aliases"]>, errors: FieldError[]): Aliases {
  const complaints: Complaint[] = [];
  const aliases = readAliases(new StrictReader(given, "body.rules.aliases", complaints));
  errors.push(...complaints.map(({ path, ...said }) => ({ field: path, ...said })));
  return aliases;
}

function readDuration(
  field: string,
  text: string | undefined,
  fallbackMs: number,
  { leastMs, mostMs }: { leastMs: number; mostMs: number },
  errors: FieldError[],
): number {
  if (text === undefined) return fallbackMs;
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= leastMs && ms <= mostMs) return ms;
  const expected = `a duration from ${formatDuration(leastMs)} to ${formatDuration(mostMs)}`;
  errors.push({ field, value: text, expected });
  return fallbackMs;
}

/** The rest of a request as people write it, for answers. */
export function writeReplayRequest(request: ReplayRequest) {
  const { liveLagBoundMs, keepMs, from, to = null, rules, ...same } = request;
  return {
    ...same,
    from: writeStart(from),
    // Requests of older releases have none.
    to: to === null ? null : writePlace(to),
    rules: writeRules(rules),
    liveLagBound: formatDuration(liveLagBoundMs),
    keep: formatDuration(keepMs),
  };
}

export function writeStart(from: ReplayStart): NonNullable<ReplayBody["from"]> {
  return from.kind === "beginning" ? { beginning: true } : writePlace(from);
}

function writePlace(place: ReplayPlace): Place {
  switch (place.kind) {
    case "timestamp":
      return { timestamp: place.timestamp };
    case "offsets":
      return { offsets: place.offsets };
    case "version":
      return { version: place.version };
  }
}

/** Rules by the names that manifests give them, durations as texts. */
export function writeRules({ bounded, ...rules }: GenerationRules): Record<string, unknown> {
  const all = Object.entries(rules).map(([name, value]) =>
    typeof value === "number" ? [name.replace(/Ms$/, ""), formatDuration(value)] : [name, value],
  );
  const some = bounded?.map(({ from, to, rules: own }) => ({ from, to, rules: writeRules(own) }));
  return { ...Object.fromEntries(all), ...(some === undefined ? {} : { bounded: some }) };
}
