import { type Static, Type } from "typebox";

/** The wire form of the runner's channel (docs/contracts.md §3), as schema and as types. */

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()]);

export const CertificateSchema = Type.Object({
  job: Type.String(),
  generation: Type.Integer(),
  epoch: Type.Integer(),
  lastBatch: Nullable(Type.Integer()),
  through: Type.Record(Type.String(), Type.Record(Type.String(), Type.String())),
  tables: Type.Record(Type.String(), Nullable(Type.Integer())),
  inFlight: Type.Boolean(),
  mode: Type.String(),
  at: Type.String(),
});

export const JobExceptionSchema = Type.Object({
  class: Type.String(),
  message: Type.String(),
  trace: Type.Optional(Nullable(Type.String())),
  permanent: Type.Optional(Type.Boolean({ description: "Trying again cannot help" })),
});

const JobReportSchema = Type.Object({
  job: Type.String(),
  generation: Type.Integer(),
  epoch: Type.Integer(),
  state: Type.Enum(["starting", "waiting", "running", "draining", "stopped", "failed"]),
  waitingFor: Type.Optional(Nullable(Type.String())),
  since: Type.Optional(Nullable(Type.String())),
  queryId: Type.Optional(Nullable(Type.String())),
  queryRunId: Type.Optional(Nullable(Type.String())),
  lastProgressAt: Type.Optional(Nullable(Type.String())),
  exception: Type.Optional(Nullable(JobExceptionSchema)),
  certificate: Type.Optional(Nullable(CertificateSchema)),
});

const RunnerEventSchema = Type.Object({
  sequence: Type.Integer({ minimum: 1 }),
  type: Type.String(),
  job: Type.String(),
  generation: Type.Integer(),
  epoch: Type.Integer(),
  at: Type.String(),
  data: Type.Record(Type.String(), Type.Unknown()),
});

const ProcessSchema = Type.Object({
  role: Type.String(),
  pid: Type.Integer({ minimum: 1 }),
  startTicks: Nullable(Type.String()),
});

export const SyncRequestSchema = Type.Object({
  application: Type.String(),
  launchId: Type.String({ format: "uuid" }),
  sparkAppId: Type.Optional(Nullable(Type.String())),
  driverId: Type.Optional(Nullable(Type.String())),
  host: Type.String(),
  processes: Type.Array(ProcessSchema),
  /** `stopping`: somebody asked it to end; `lost`: Spark has ended its application */
  state: Type.Enum(["starting", "running", "stopping", "lost"]),
  jobs: Type.Array(JobReportSchema),
  events: Type.Array(RunnerEventSchema),
});

export type Certificate = Static<typeof CertificateSchema>;
export type JobException = Static<typeof JobExceptionSchema>;
export type JobReport = Static<typeof JobReportSchema>;
export type RunnerEvent = Static<typeof RunnerEventSchema>;
export type RunnerProcess = Static<typeof ProcessSchema>;
export type SyncRequest = Static<typeof SyncRequestSchema>;

/** What a runner can be asked for; a kill does not ask it. */
export type RunnerStopMode = "drain" | "now";
export type StopMode = RunnerStopMode | "kill";

/** What a runner should do with one job. */
export interface Assignment {
  job: string;
  generation: number;
  epoch: number;
  desired: "running" | "stopped";
  stop: { mode: RunnerStopMode; timeoutMs: number };
  spec: AssignmentSpec;
}

export interface AssignmentSpec {
  pipeline: string;
  kind: string;
  triggerMs: number;
  limits: Record<string, number>;
  /** further options of its source */
  options: Record<string, number>;
  kafka: { brokers: string; topic: string };
  registry: { url: string; subject: string };
  contract: string;
  /** absolute paths of all tables of the pipeline */
  tables: Record<string, string>;
  reads: string[];
  writes: string[];
  /** who streams from the tables that this job writes: housekeeping must not take files away from them */
  readers: Record<string, { job: string; checkpoint: string }[]>;
  checkpoint: string;
  parameters: Record<string, number>;
  housekeeping: Record<string, number>;
}

export interface SyncAnswer {
  acknowledged: number;
  heartbeatMs: number;
  shutdown: boolean;
  assignments: Assignment[];
}
