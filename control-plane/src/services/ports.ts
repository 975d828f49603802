import type { TopicOffsets } from "../domain/lag.ts";
import type { DesiredState, JobState } from "../domain/lifecycle/job.ts";
import type { OperationState, OperationStep } from "../domain/lifecycle/operation.ts";
import type { Manifest, PipelineParameters, TopicSpec } from "../domain/manifest.ts";
import type { ApplicationSpec } from "../domain/specs/application-spec.ts";
import type { RunnerEvent, RunnerProcess, SyncRequest } from "../domain/sync.ts";
import type { LastWords } from "./last-words.ts";

import type {
  ApplicationRow,
  GenerationRow,
  JobRow,
  LaunchRow,
  LedgerRow,
  OperationRow,
  ProgressPage,
  ProgressRow,
  RunDetails,
  RunEnd,
  RunFailure,
  RunRow,
} from "./rows.ts";

/** What the services need from the outside; adapters implement it, tests may run it on the real thing. */

export interface Clock {
  now(): Date;
}

/** Everything declared: pipelines, generations, applications, jobs. */
export interface CatalogStore {
  /**
   * Saves what the manifest declares; what people decided (desired states, the live generation, specs that the manifest
   * did not change since) stays.
   * @returns what of the manifest was not taken, as sentences
   */
  declare(manifest: Manifest, tables: Record<string, string>, rules: Partial<PipelineParameters>): Promise<string[]>;
  liveGeneration(pipeline: string): Promise<GenerationRow | null>;
  /** All there ever were, oldest first: what they were made by holds as long as one table of theirs is in use. */
  generations(pipeline: string): Promise<GenerationRow[]>;
  /**
   * The one that was live at a moment, and since when; the first one for whatever was before it. Null while there is none.
   * @param at null: now
   */
  generationAt(pipeline: string, at: Date | null): Promise<(GenerationRow & { since: Date }) | null>;
  /** @param past also those that shadow jobs had for themselves, and that nothing runs in any more */
  applications(past?: boolean): Promise<ApplicationRow[]>;
  /** All that may run: shadow jobs, too, but for those that are retired. */
  jobs(): Promise<JobRow[]>;
  /** One of any kind, retired ones included; null for an unknown one. */
  job(id: string): Promise<JobRow | null>;
  /** Saves what is true of a job, and an event when its state changes. @param rule the rule that decided it */
  saveState(job: string, state: JobState, reason: string | null, rule: string): Promise<void>;
}

export interface LaunchStore {
  open(): Promise<LaunchRow[]>;
  /** newest first */
  recent(application: string, limit: number): Promise<LaunchRow[]>;
  /** null for an unknown one */
  find(id: string): Promise<LaunchRow | null>;
  failures(application: string, since: Date): Promise<{ at: Date; reason: string; lastWords: LastWords | null }[]>;
  keepLastWords(id: string, words: LastWords): Promise<void>;
  record(id: string, application: string): Promise<void>;
  /** @param sent what is being submitted; null when the submission surely was not made */
  submitting(
    id: string,
    sent: { spec: ApplicationSpec; revision: number; controlPlanes: string[] } | null,
  ): Promise<void>;
  submitted(id: string, submissionId: string): Promise<void>;
  /** It has to end, whatever it is doing. */
  requestKill(id: string): Promise<void>;
  /** Keeps what the newest sync says about the driver; the first one adopts it. */
  called(id: string, sync: SyncRequest): Promise<void>;
  end(id: string, reason: string, failed: boolean): Promise<void>;
}

export interface RunStore {
  openRuns(): Promise<RunRow[]>;
  /** newest first */
  list(job: string, limit: number, beforeEpoch: number | null): Promise<RunDetails[]>;
  find(job: string, epoch: number): Promise<RunDetails | null>;
  /** The run that an entry of the ledger names: that of the job, or of a shadow of it that worked for the generation before it was live. */
  findOf(job: string, generation: number, epoch: number): Promise<RunDetails | null>;
  /** newest first */
  failures(job: string, since: Date): Promise<RunFailure[]>;
  keepLastWords(job: string, epoch: number, words: LastWords): Promise<void>;
  /**
   * Claims the next epoch of the job, and keeps the spec that it has now.
   * @param generation whose tables it is to write
   * @param live the generation that was live when this was decided
   * @returns null when its spec leads to another application than the launch's, when another generation is live by now, and for a shadow that has retired
   */
  start(job: string, generation: number, launch: string, live: number): Promise<RunRow | null>;
  stopping(job: string, epoch: number): Promise<void>;
  query(job: string, epoch: number, queryId: string | null, queryRunId: string | null): Promise<void>;
  end(job: string, epoch: number, end: RunEnd): Promise<void>;
}

export interface OperationStore {
  open(): Promise<OperationRow[]>;
  find(id: string): Promise<OperationRow | null>;
  /** newest first */
  list(filter: OperationFilter, limit: number, before: string | null): Promise<OperationRow[]>;
  /** Does nothing when the operation has ended meanwhile. @param desired the job's desired state from now on; null leaves it */
  advance(
    operation: OperationRow,
    state: OperationState,
    step: OperationStep | null,
    desired: DesiredState | null,
  ): Promise<void>;
}

export interface OperationFilter {
  job?: string;
  application?: string;
  state?: OperationState;
}

/** A runner's event with the job that it is about: `sales.silver@2` where that is a shadow, of which runners do not know. */
export interface HeardEvent extends RunnerEvent {
  about: string;
}

export interface EventStore {
  /** Saves a runner's events that are not saved yet. @returns these, and the highest sequence that is safe */
  save(launch: string, events: RunnerEvent[]): Promise<{ newest: number; fresh: HeardEvent[] }>;
  /** newest first */
  progress(job: string, page: ProgressPage): Promise<ProgressRow[]>;
  /** @param batch only the report of this batch, if it is among the last reports; null for any */
  newestProgress(job: string, batch?: string | null): Promise<ProgressRow | null>;
  /** the newest commit of one table by one job */
  newestEntry(job: string, generation: number, table: string, kind: string | null): Promise<LedgerRow | null>;
  /** the commit of a batch, of the first table that the job writes */
  batchEntry(job: string, generation: number, batch: number): Promise<LedgerRow | null>;
  /** Forgets what is older than the history that is kept. */
  prune(progressPerJob: number): Promise<void>;
  /** Forgets older ledger entries, a bounded number at a time. */
  pruneLedger(days: number): Promise<void>;
}

/** Processes where Spark's drivers run: on this machine, in containers, or where nobody can see them. */
export interface Processes {
  /** undefined where this cannot be found out */
  alive(process: RunnerProcess): boolean | undefined;
  /** processes whose environment carries this launch id; undefined where environments cannot be read */
  ofLaunch(launchId: string): Promise<RunnerProcess[] | undefined>;
  /** SIGKILL or as good as that, after checking that it still is the same process */
  kill(process: RunnerProcess): void;
}

export interface TopicView {
  name: string;
  partitions: number;
  timestampType: string | null;
  retentionMs: string | null;
  maxMessageBytes: string | null;
}

export interface Topics {
  /** Creates the topics that are missing, as declared. */
  ensure(topics: TopicSpec[]): Promise<void>;
  /** null for a topic that does not exist */
  describe(name: string): Promise<TopicView | null>;
  offsets(topic: string): Promise<TopicOffsets>;
}

export interface SchemaRegistry {
  /** @param subject null for the level of subjects that have none of their own. @returns null for a subject without one */
  compatibility(subject: string | null): Promise<string | null>;
  setCompatibility(subject: string, level: string): Promise<void>;
  /** @returns the id of the schema, new or old */
  register(subject: string, schema: string): Promise<number>;
  /** in order; none for an unknown subject */
  versions(subject: string): Promise<number[]>;
  /** @returns the schema as text of JSON */
  schema(subject: string, version: number): Promise<{ id: number; schema: string }>;
  /** Whether records that name this schema id can be decoded. */
  knows(id: number): Promise<boolean>;
  /** Asks whether a schema would be taken; it is not registered. `refusal`: it is no schema at all */
  check(subject: string, schema: string): Promise<{ compatible: boolean; messages: string[] } | { refusal: string }>;
  ping(): Promise<void>;
}
