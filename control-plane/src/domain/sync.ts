import { type Static, Type } from "typebox";
import type { WireRule } from "./dq/rule.ts";
import type { PipelineParameters } from "./manifest.ts";
import type { AssignedOverride } from "./override.ts";

/** The wire form of the runner's channel (docs/contracts.md §3), as schema and as types. */

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()]);

export const CertificateSchema = Type.Object(
  {
    job: Type.String({ examples: ["sales.gold"] }),
    generation: Type.Integer({ examples: [1] }),
    epoch: Type.Integer({ examples: [7] }),
    lastBatch: Nullable(Type.Integer({ description: "The last batch that was committed", examples: [42] })),
    through: Type.Record(Type.String(), Type.Record(Type.String(), Type.String()), {
      description: "The next offset to be read, by topic and partition",
      examples: [{ "sales.events.v1": { "0": "915", "1": "1021", "2": "988" } }],
    }),
    tables: Type.Record(Type.String(), Nullable(Type.Integer()), {
      description: "The version of each table that it wrote",
      examples: [{ "gold.revenue_5m": 12, "gold.revenue_5m_updates": 97 }],
    }),
    inFlight: Type.Boolean({ description: "A batch was begun and not committed: the next run repeats it" }),
    mode: Type.String({ description: "How it was stopped", examples: ["drain"] }),
    at: Type.String({ examples: ["2026-11-21T00:01:02.003Z"] }),
  },
  { title: "Certificate", description: "What a stopped job had committed" },
);

export const JobExceptionSchema = Type.Object(
  {
    class: Type.String({ examples: ["org.apache.spark.SparkException"] }),
    message: Type.String({ examples: ["Job aborted due to stage failure"] }),
    trace: Type.Optional(Nullable(Type.String({ examples: ["Traceback (most recent call last): …"] }))),
    permanent: Type.Optional(Type.Boolean({ description: "Trying again cannot help" })),
  },
  { title: "JobException", description: "What a job failed with" },
);

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
  /** where it looks for a control plane; a runner of an older version does not say */
  controlPlanes: Type.Optional(Type.Array(Type.String())),
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
  /** up to which version the ledger of each table that this job writes is in the database: later commits must stay */
  harvested: Record<string, number | null>;
  /** refused records that people let in, as far as a job that judges records may need them; others have none */
  overrides: AssignedOverride[];
  /** whether any override was ever applied: ids that it let in must be known then */
  overridesApplied: boolean;
  checkpoint: string;
  /**
   * Offsets at which a job begins that has no checkpoint: a reader of the topic, or, with `inherits`, the job that judges records, which takes over
   * the rows before them from the table there (absolute path). Null: at the earliest, or with all of what it reads.
   */
  start: { offsets: Record<string, string>; inherits?: string } | null;
  /** its share of the cores; `held`: why it is to begin no batch for the time being */
  pace: { weight: number; held: string | null };
  parameters: PipelineParameters;
  housekeeping: Record<string, number>;
  /** for the job that measures data quality */
  qualityRules?: { revision: string; rows: WireRule[] };
}

export interface SyncAnswer {
  acknowledged: number;
  heartbeatMs: number;
  shutdown: boolean;
  /** where it may look for a control plane when this one does not answer */
  controlPlanes: string[];
  assignments: Assignment[];
}
