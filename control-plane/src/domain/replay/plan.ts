import { canonical } from "../canonical.ts";
import { type JobSpec, JUDGES } from "../specs/job-spec.ts";
import type { GenerationRules } from "../specs/rules.ts";
import type { ShadowChange } from "../specs/shadow-spec.ts";
import type { DiskFeasibility, KafkaFeasibility, TimeEstimate } from "./feasibility.ts";
import type { OffsetVector } from "./offsets.ts";
import type { ReplayRequest } from "./request.ts";
import type { RuleChange } from "./rules.ts";
import type { ReplayScope } from "./scope.ts";

/** A generation as far as a plan needs it. */
export interface ParentGeneration {
  number: number;
  tables: Readonly<Record<string, string>>;
  rules: GenerationRules;
}

export interface PlannedTable {
  table: string;
  /** its place now, relative to the lake */
  from: string;
  /** its place in the new generation */
  to: string;
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
  /** the first offset for which its rules are not any more, by partition; null: they hold from now on */
  end: OffsetVector | null;
  /** what the live jobs had read when this was planned */
  position: OffsetVector;
  rules: { stored: GenerationRules; changes: RuleChange[] };
  overrides: { count: number; numbers: number[] };
  kafka: KafkaFeasibility;
  disk: DiskFeasibility;
  time: TimeEstimate;
  /** what somebody should know before it begins, in sentences */
  warnings: string[];
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
