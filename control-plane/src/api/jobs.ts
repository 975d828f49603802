import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { JOB_STATES } from "../domain/lifecycle/job.ts";
import { readCursor, writeCursor } from "../services/cursor.ts";
import type { JobReader } from "../services/jobs.ts";
import { JobSpecResource } from "./job-specs.ts";
import { Instant, jobParams, listQuery, Nullable } from "./lists.ts";
import { etag } from "./preconditions.ts";

const JobResource = Type.Object(
  {
    id: Type.String({ examples: ["sales.gold"] }),
    kind: Type.String({ examples: ["gold"] }),
    application: Type.String({
      description:
        "The Spark application that hosts it; after a change of `spec.application` the old one until it is restarted",
      examples: ["sales"],
    }),
    generation: Type.Integer({ examples: [1] }),
    epoch: Type.Integer({ description: "Grows with each run", examples: [7] }),
    desiredState: Type.Enum(["running", "stopped"], { description: "What was asked for" }),
    state: Type.Enum([...JOB_STATES], { description: "What is true" }),
    reason: Nullable(Type.String({ description: "Why it is in this state" })),
    since: Instant,
    spec: JobSpecResource,
    specRevision: Type.Integer({ description: "Grows with each change of the spec; the ETag", examples: [3] }),
    restartPending: Type.Boolean({ description: "It runs with an older spec until it is restarted" }),
    lag: Type.Object({
      records: Nullable(Type.String({ description: "Records of the topic that it has not counted", examples: ["0"] })),
      seconds: Nullable(Type.Number({ examples: [0.4] })),
    }),
    lastBatch: Nullable(
      Type.Object({
        id: Type.String({ examples: ["42"] }),
        at: Instant,
        rows: Type.Integer({ examples: [100] }),
        durationMs: Nullable(Type.Integer({ examples: [420] })),
        version: Type.String({ description: "Version of its first table", examples: ["97"] }),
      }),
    ),
  },
  { description: "A job" },
);

const ProgressResource = Type.Object(
  {
    id: Type.String(),
    generation: Type.Integer(),
    epoch: Type.Integer(),
    type: Type.String({ examples: ["progress"] }),
    at: Instant,
    data: Type.Unknown({ description: "Spark's StreamingQueryProgress, or what its kind of report says" }),
  },
  { description: "A report of a job's query" },
);

const OffsetsResource = Type.Object(
  {
    job: Type.String(),
    topic: Type.String({ examples: ["sales.events.v1"] }),
    partitions: Type.Array(
      Type.Object({
        partition: Type.Integer(),
        earliest: Type.String({ description: "Oldest offset that Kafka still has" }),
        committed: Nullable(Type.String({ description: "Next offset that this job will count" })),
        latest: Type.String({ description: "Next offset that Kafka will give out" }),
        lagRecords: Type.String(),
        lagSeconds: Nullable(Type.Number()),
      }),
    ),
    caughtUp: Type.Boolean({ description: "Nothing is left to read" }),
  },
  { description: "Where a job stands in the topic" },
);

const page = <T extends Parameters<typeof Type.Array>[0]>(item: T) =>
  Type.Object({ items: Type.Array(item), nextCursor: Nullable(Type.String()) }, { description: "A page" });
const listSchema = Type.Object(listQuery, { additionalProperties: false });

/** What jobs are and what they did: `GET /jobs`, `/jobs/{job}`, `/progress`, `/offsets`. */
export const jobRoutes: FastifyPluginAsyncTypebox<{ jobs: JobReader }> = async (app, { jobs }) => {
  app.get(
    "/jobs",
    {
      schema: {
        operationId: "listJobs",
        tags: ["jobs"],
        summary: "All jobs",
        response: { 200: Type.Object({ items: Type.Array(JobResource) }, { description: "All jobs" }) },
      },
    },
    async () => ({ items: (await jobs.list()) as never[] }),
  );

  app.get(
    "/jobs/:job",
    {
      schema: {
        operationId: "getJob",
        tags: ["jobs"],
        summary: "One job",
        params: jobParams,
        response: { 200: JobResource },
      },
    },
    async (request, reply) => {
      const job = await jobs.get(request.params.job);
      return reply.header("etag", etag(job.specRevision)).send(job as never);
    },
  );

  app.get(
    "/jobs/:job/progress",
    {
      schema: {
        operationId: "listProgress",
        tags: ["jobs"],
        summary: "What a job's query reported, newest first",
        description: "The last 500 reports are kept.",
        params: jobParams,
        querystring: listSchema,
        response: { 200: page(ProgressResource) },
      },
    },
    async (request) => {
      const { limit, cursor } = request.query;
      const before = readCursor("progress", ["string"], cursor)?.[0];
      const rows = await jobs.progress(request.params.job, limit, before === undefined ? null : String(before));
      const last = rows.length === limit ? rows.at(-1) : undefined;
      return {
        items: rows.map(({ job: _, at, ...row }) => ({ ...row, at: at.toISOString() })),
        nextCursor: last === undefined ? null : writeCursor("progress", [last.id]),
      };
    },
  );

  app.get(
    "/jobs/:job/offsets",
    {
      schema: {
        operationId: "getOffsets",
        tags: ["jobs"],
        summary: "How far a job is behind the topic, per partition",
        description: "Earliest and latest come from Kafka, committed from the ledger of the job's table.",
        params: jobParams,
        response: { 200: OffsetsResource },
      },
    },
    async (request) => jobs.offsets(request.params.job),
  );
};
