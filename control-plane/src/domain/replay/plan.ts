import type { PipelineParameters } from "../manifest.ts";
import { type JobSpec, JUDGES } from "../specs/job-spec.ts";
import type { ShadowChange } from "../specs/shadow-spec.ts";
import type { DiskFeasibility, KafkaFeasibility, TimeEstimate } from "./feasibility.ts";
import type { OffsetVector } from "./offsets.ts";
import { type ReplayRequest, writeRules } from "./request.ts";
import type { ReplayScope } from "./scope.ts";

/** A generation as far as a plan needs it. */
export interface ParentGeneration {
  number: number;
  tables: Readonly<Record<string, string>>;
  rules: Partial<PipelineParameters>;
}

export interface PlannedTable {
  table: string;
  /** its place now, relative to the lake */
  from: string;
  /** its place in the new generation */
  to: string;
}

export interface RuleChange {
  rule: string;
  from: unknown;
  to: unknown;
}

/** A job that is made anew, by a shadow of it. */
export interface PlannedJob {
  job: string;
  rows: string;
  specRevision: number;
  /** in which fields the shadow's spec differs; not there in plans that an older release made */
  changes?: ShadowChange[];
  drainTimeoutMs: number;
}

/** What a replay would do, and what it would take. */
export interface ReplayPlan {
  pipeline: string;
  job: string;
  generation: number;
  parent: number;
  /** in the order in which they depend on each other */
  jobs: PlannedJob[];
  tables: PlannedTable[];
  shared: { table: string; path: string }[];
  /** the first offset that is read, by partition */
  start: OffsetVector;
  /** what the live jobs had read when this was planned */
  position: OffsetVector;
  rules: { stored: Partial<PipelineParameters>; changes: RuleChange[] };
  overrides: { count: number; numbers: number[] };
  kafka: KafkaFeasibility;
  disk: DiskFeasibility;
  time: TimeEstimate;
  /** what somebody should know before it begins, in sentences */
  warnings: string[];
}

/** The rules that only some kinds of jobs can apply: a replay of the others cannot change them. */
const APPLIED_BY_SILVER: readonly string[] = ["allowedLatenessMs", "allowedSkewMs", "dedupHorizonMs", "aliases"];

/**
 * The rules of the new generation: what the manifest says by now, where the replay makes the rows anew that they decide, and what
 * the request says on top.
 * @param declared the rules that the manifest declares
 */
export function plannedRules(
  parent: Partial<PipelineParameters>,
  declared: Partial<PipelineParameters>,
  requested: Partial<PipelineParameters>,
  remakesSilver: boolean,
): Partial<PipelineParameters> {
  return remakesSilver ? { ...parent, ...declared, ...requested } : { ...parent, ...requested };
}

/** Rules of the request that the replay cannot change, because what they decide is not made anew. */
export function rulesOutOfReach(requested: Partial<PipelineParameters>, remakesSilver: boolean): string[] {
  return remakesSilver ? [] : Object.keys(requested).filter((name) => APPLIED_BY_SILVER.includes(name));
}

/** Rules that differ, by the names that manifests give them. */
export function ruleChanges(present: Partial<PipelineParameters>, planned: Partial<PipelineParameters>): RuleChange[] {
  // A generation that an older release made says nothing of aliases: it has none.
  const [before, after] = [present, planned].map((rules) => writeRules({ aliases: {}, ...rules })) as [
    Record<string, unknown>,
    Record<string, unknown>,
  ];
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((rule) => canonical(before[rule]) !== canonical(after[rule]))
    .map((rule) => ({ rule, from: before[rule] ?? null, to: after[rule] ?? null }));
}

/** Whether a scope has a job that makes silver's rows anew. */
export function remakesSilver({ jobs }: Pick<ReplayScope, "jobs">, specs: Readonly<Record<string, JobSpec>>): boolean {
  return jobs.some((job) => specs[job]?.kind === JUDGES);
}

/**
 * The text over which the plan's hash is made: everything that decides what the replay does, and nothing that moves by itself
 * (rows, positions, rates, free space, what Kafka still holds).
 */
export function hashedText(request: ReplayRequest, plan: ReplayPlan): string {
  const { pipeline, job, generation, parent, tables, shared, rules, overrides } = plan;
  const specs = plan.jobs.map(({ job: id, specRevision }) => [id, specRevision]);
  // Where a replay begins with what there is, the oldest record is another one tomorrow.
  const start = request.from.kind === "beginning" ? null : plan.start;
  const what = { pipeline, job, generation, parent, specs, tables, shared, start, rules: rules.stored };
  return canonical({ request, ...what, overrides: overrides.numbers });
}

/** JSON with the keys in their order, so that the same is the same text. */
export function canonical(value: unknown): string {
  if (value === undefined) return "null";
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  const sorted = entries.toSorted(([one], [other]) => (one < other ? -1 : 1));
  return `{${sorted.map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`).join(",")}}`;
}
