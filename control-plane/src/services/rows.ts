import type { DesiredState, JobState } from "../domain/lifecycle/job.ts";
import type { LaunchRecord } from "../domain/lifecycle/launch.ts";
import type { OperationKind, OperationRequest, OperationState, OperationStep } from "../domain/lifecycle/operation.ts";
import type { ApplicationSpec } from "../domain/specs/application-spec.ts";
import type { JobSpec } from "../domain/specs/job-spec.ts";
import type { GenerationRules } from "../domain/specs/rules.ts";
import type { Certificate, JobException, RunnerProcess, RunnerStopMode, StopMode } from "../domain/sync.ts";
import type { LastWords } from "./last-words.ts";

/** What the stores keep, as the services see it. */

export interface JobRow {
  id: string;
  pipeline: string;
  application: string;
  spec: JobSpec;
  /** grows with each change of the spec */
  revision: number;
  desired: DesiredState;
  desiredSince: Date;
  stopMode: StopMode;
  stopTimeoutMs: number;
  epoch: number;
  state: JobState;
  reason: string | null;
  stateSince: Date;
  /** the job that it shadows; null for one that works for the live generation */
  shadowOf: string | null;
  /** whose tables a shadow writes */
  generation: number | null;
  /** the generation that is to become live with a shadow */
  shadowIn: number | null;
  /** a shadow that does nothing any more */
  retiredAt: Date | null;
}

export interface RunRow {
  job: string;
  epoch: number;
  generation: number;
  launch: string;
  /** what it was started with */
  spec: JobSpec;
  specRevision: number;
  queryId: string | null;
  queryRunId: string | null;
  startedAt: Date;
  stoppingSince: Date | null;
  endedAt: Date | null;
  endedBy: string | null;
  exception: JobException | null;
  certificate: Certificate | null;
  batches: string;
  rows: string;
}

/** A run with where it ran and who asked for its end. */
export interface RunDetails extends RunRow {
  application: string;
  submissionId: string | null;
  driverId: string | null;
  sparkAppId: string | null;
  /** the request that ended it; null when none did */
  operation: string | null;
  endedByActor: string | null;
  /** rows by outcome over all its batches */
  outcomes: Record<string, number>;
}

/** How a run failed. */
export interface RunFailure {
  at: Date;
  exception: JobException | null;
  /** the ends of its driver's logs at that time; null while they have not been read, and where they could not be */
  lastWords: LastWords | null;
}

export interface RunEnd {
  endedBy: string;
  exception: JobException | null;
  certificate: Certificate | null;
}

export interface LaunchRow extends LaunchRecord {
  application: string;
  /** what it was submitted with; null before it was */
  spec: ApplicationSpec | null;
  specRevision: number | null;
  driverId: string | null;
  sparkAppId: string | null;
  host: string | null;
  processes: RunnerProcess[];
  /** where its runner looks for a control plane; null for one of an older version */
  controlPlanes: string[] | null;
  lastSyncAt: Date | null;
  leavingAt: Date | null;
  endedAt: Date | null;
  endReason: string | null;
  failed: boolean;
  /** the ends of its driver's logs; null while it lives, and where they could not be read */
  lastWords: LastWords | null;
  /** how its jobs are to stop when it retires */
  stopMode: RunnerStopMode;
  stopTimeoutMs: number;
}

export interface ApplicationRow {
  name: string;
  pipeline: string;
  spec: ApplicationSpec;
  /** grows with each change of the spec */
  revision: number;
  /** it belongs to the job of its name alone */
  dedicated: boolean;
}

export interface GenerationRow {
  pipeline: string;
  number: number;
  /** it is the one that answers are read from */
  live: boolean;
  /** what it alone had is deleted, or being deleted */
  isGone: boolean;
  /** the replay that made it; null for the first one */
  replay: string | null;
  /** table to folder below the lake */
  tables: Record<string, string>;
  rules: GenerationRules;
  /** offsets by partition at which its first job begins; null for all that there is */
  start: Record<string, string> | null;
  /** folder below the lake of the table whose rows before `start` it has taken over; null: it lacks them, or has all */
  inherits: string | null;
  /** why its shadow jobs begin no batch for the time being */
  held: string | null;
}

export interface OperationRow {
  id: string;
  kind: OperationKind;
  /** what it is about: a job or an application */
  job: string | null;
  application: string | null;
  state: OperationState;
  request: OperationRequest;
  fromEpoch: number;
  /** the launch that an application's restart ends */
  fromLaunch: string | null;
  steps: OperationStep[];
  /** null for one that was asked for by an older version */
  requestedBy: string | null;
  requestId: string | null;
  createdAt: Date;
  endedAt: Date | null;
}

export interface ProgressRow {
  id: string;
  job: string;
  generation: number;
  epoch: number;
  type: string;
  at: Date;
  data: Record<string, unknown>;
}

export interface ProgressPage {
  limit: number;
  beforeId: string | null;
  /** only reports of this kind; null for all */
  type: string | null;
}

export interface LedgerRow {
  job: string;
  table: string;
  batch: string;
  kind: string;
  epoch: number;
  version: string;
  at: Date;
  entry: Record<string, unknown>;
}

export interface AuditEntry {
  actor: string;
  action: string;
  target: string;
  requestId: string | null;
  before: unknown;
  after: unknown;
}
