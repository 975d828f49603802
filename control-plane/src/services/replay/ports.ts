import type { GateResult } from "../../domain/replay/gates.ts";
import type { OffsetVector } from "../../domain/replay/offsets.ts";
import type { ReplayPlan } from "../../domain/replay/plan.ts";
import type { ReplayRequest } from "../../domain/replay/request.ts";
import type { ReplayState, SwitchPhase } from "../../domain/replay/state.ts";
import type { AuditEntry } from "../rows.ts";

export interface ReplayStep {
  step: string;
  at: string;
}

/** Gates held against a comparison. */
export interface Verdict {
  at: OffsetVector;
  gates: GateResult[];
}

/** Who goes on although gates fail, and why. */
export interface GateOverride {
  by: string;
  reason: string;
  at: string;
}

/** Where a job stands. */
export interface JobPosition {
  through: OffsetVector;
  lowWatermark: string | null;
  /** windows that end by then are final; null for a job that says nothing of it */
  finalThrough: string | null;
  at: Date;
}

export interface ReplayRow {
  id: string;
  pipeline: string;
  job: string;
  state: ReplayState;
  phase: SwitchPhase | null;
  /** what it waits for */
  reason: string | null;
  request: ReplayRequest;
  plan: ReplayPlan;
  hash: string;
  generation: number;
  parent: number;
  target: OffsetVector | null;
  verdict: Verdict | null;
  /** what each live job had read when it was drained */
  certified: Record<string, Omit<JobPosition, "at">> | null;
  /** live jobs that ran before they were drained */
  resuming: string[];
  override: GateOverride | null;
  failure: string | null;
  steps: ReplayStep[];
  requestedBy: string;
  requestId: string | null;
  createdAt: Date;
  endedAt: Date | null;
  revision: number;
}

export type NewReplay = Pick<
  ReplayRow,
  "id" | "pipeline" | "job" | "request" | "plan" | "hash" | "generation" | "parent" | "requestedBy" | "requestId"
>;

/** What a step, or a person, changes of a replay. */
export type ReplayChange = Partial<
  Pick<
    ReplayRow,
    "state" | "phase" | "reason" | "target" | "verdict" | "certified" | "resuming" | "override" | "failure"
  >
>;

export interface ReplayFilter {
  state?: ReplayState;
  job?: string;
}

export interface ReplayStore {
  /** Saves it with its audit entry and its event. @returns the id of the one that has not ended, where there is one */
  insert(replay: NewReplay, audit: AuditEntry): Promise<{ running: string } | null>;
  find(id: string): Promise<ReplayRow | null>;
  /** newest first */
  list(pipeline: string, filter: ReplayFilter, limit: number, before: string | null): Promise<ReplayRow[]>;
  /** the one that has not ended */
  open(pipeline: string): Promise<ReplayRow | null>;
  /**
   * Saves a step, with an event where state or phase change.
   * @returns false when somebody has changed the replay since it was read: nothing is saved
   */
  save(replay: ReplayRow, change: ReplayChange): Promise<boolean>;
  /**
   * Changes a replay as a person asks, in one transaction with the audit entry: `decide` sees it as it is, and throws what it refuses.
   * @returns the replay after it, and the id of another one that has not ended, in whose way it would be: then nothing is changed
   */
  change(
    id: string,
    decide: (replay: ReplayRow) => ReplayChange,
    audit: (before: ReplayRow, change: ReplayChange) => AuditEntry,
  ): Promise<{ replay: ReplayRow | null; running: string | null }>;
}

/** Where jobs of any generation stand, by their ledgers. */
export interface GenerationPositions {
  /**
   * @param tables what the job writes, the first one first
   * @param until as it was then; now when left out
   * @returns null before the job's first commit there
   */
  position(job: string, generation: number, tables: readonly string[], until?: Date): Promise<JobPosition | null>;
}
