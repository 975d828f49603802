import type { Leftovers } from "../../domain/generation.ts";
import type { DesiredState, JobState } from "../../domain/lifecycle/job.ts";
import type { ShadowSpecs } from "../../domain/replay/shadow-specs.ts";
import type { RunnerStopMode } from "../../domain/sync.ts";
import type { AuditEntry, GenerationRow } from "../rows.ts";

/**
 * `shadow`: it is made, or made ready to become live again, beside the live one. `kept`: it was live, and can become so
 * again. `discarded`: what it alone has is being deleted. `collected`: that is gone.
 */
export type GenerationState = "shadow" | "live" | "kept" | "discarded" | "collected";

/** A shadow job that is not retired. */
export interface ShadowJob {
  /** `sales.silver@2` */
  id: string;
  /** the job that it shadows: runners, ledger entries and checkpoints know it by this name */
  job: string;
  /** whose tables it writes */
  generation: number;
  desired: DesiredState;
  state: JobState;
  reason: string | null;
  epoch: number;
  hasOpenRun: boolean;
}

export interface GenerationDetails extends GenerationRow {
  parent: number | null;
  state: GenerationState;
  /** by the names of the jobs that they shadow; none unless it is a shadow */
  shadows: ShadowJob[];
  createdAt: Date;
  /** when it last became live; null for one that never did */
  promotedAt: Date | null;
  /** null unless it is kept */
  keptUntil: Date | null;
  collectedAt: Date | null;
}

export interface NewGeneration {
  pipeline: string;
  /** one more than the highest there is: what was planned must be what is made */
  number: number;
  /** the live one */
  parent: number;
  replay: string;
  /** jobs that are replayed: they get tables and checkpoints of their own, all other tables are the parent's */
  jobs: string[];
  rules: GenerationRow["rules"];
  /** in what the specs of shadow jobs differ from those of the jobs they shadow */
  specs: ShadowSpecs;
  start: Record<string, string> | null;
  inherits: string | null;
}

export interface Stop {
  mode: RunnerStopMode;
  timeoutMs: number;
}

export interface Promotion {
  /** how long the one that was live is kept */
  keptUntil: Date;
  /** jobs that are to run from then on; the others stay as they are wanted */
  start: string[];
  audit: AuditEntry;
}

/** Generations with their shadow jobs. Whatever was done already is left as it is: each call may be repeated after a crash. */
export interface GenerationStore {
  /** null for one that never was */
  find(pipeline: string, number: number): Promise<GenerationDetails | null>;
  /** newest first, those that are collected included */
  list(pipeline: string): Promise<GenerationDetails[]>;
  /** The number that the next one gets. */
  nextNumber(pipeline: string): Promise<number>;
  /**
   * Saves a generation and its shadow jobs, which are to be stopped at first. One that the same replay has made before is the answer.
   * @throws Problem `conflict` when the number is taken, the parent is not live, or another generation is a shadow
   */
  create(generation: NewGeneration): Promise<GenerationDetails>;
  /** What is wanted of all shadow jobs of a generation. */
  setShadows(pipeline: string, number: number, desired: DesiredState, stop?: Stop): Promise<void>;
  /** What is wanted of the live jobs that the shadow jobs of a generation are to replace. */
  setReplaced(pipeline: string, number: number, desired: DesiredState, stop?: Stop): Promise<void>;
  /** Lets the shadow jobs begin no batch, or go on. @param reason null: they go on */
  hold(pipeline: string, number: number, reason: string | null): Promise<void>;
  /**
   * In one transaction: the generation becomes live and the one that was live is kept, the jobs go on where their shadows
   * stopped, with epochs above both, and the shadows retire. Specs stay those of the jobs.
   * @throws Problem `conflict` while a run of a shadow or of a job to be replaced is open; `unknown_generation`
   */
  promote(pipeline: string, number: number, promotion: Promotion): Promise<void>;
  /**
   * Makes a kept generation a shadow again: its jobs can catch up, and it can be promoted.
   * @throws Problem `conflict` when it is not kept, or another generation is a shadow; `unknown_generation`
   */
  reopen(pipeline: string, number: number): Promise<void>;
  /**
   * Ends a shadow that does not become live: its jobs retire.
   * @param keptUntil null: it is given up, as a kept one that is given up before its time
   * @param audit written with it, where it is what somebody asked for and not a step of something larger
   * @throws Problem `conflict` while a run of its jobs is open, or where it is live; `unknown_generation`
   */
  retire(pipeline: string, number: number, keptUntil: Date | null, audit?: AuditEntry): Promise<void>;
  /** Kept ones whose time is over become discarded. @returns all that are discarded */
  discard(pipeline: string, now: Date): Promise<number[]>;
  /** What a generation that is discarded has, and no other one that is not collected: relative to lake and checkpoints. */
  leftovers(pipeline: string, number: number): Promise<Leftovers>;
  /** What it alone had is deleted. */
  collected(pipeline: string, number: number): Promise<void>;
}
