import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { JOB_STATES } from "../domain/lifecycle/job.ts";
import { JobExceptionSchema } from "../domain/sync.ts";
import type { JobReader } from "../services/jobs.ts";
import { withHeaders } from "./answer-headers.ts";
import { JobSpecResource } from "./job-specs.ts";
import { Id, Instant, jobParams, Nullable } from "./lists.ts";
import { LastWordsResource } from "./logs.ts";
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
    generation: Type.Integer({
      description: "Whose tables it writes: an older one than the live one where no replay touched it",
      examples: [1],
    }),
    shadow: Nullable(
      Type.Object(
        {
          of: Type.String({ description: "The job that it is to take the place of", examples: ["sales.gold"] }),
          replay: Nullable(Id("The replay that it works for")),
          retiredAt: Nullable(Instant),
        },
        { description: "Of a job that a replay runs beside the live one, such as `sales.gold@2`; null for all others" },
      ),
    ),
    epoch: Type.Integer({ description: "Grows with each run", examples: [7] }),
    desiredState: Type.Enum(["running", "stopped"], { description: "What was asked for" }),
    state: Type.Enum([...JOB_STATES], { description: "What is true" }),
    reason: Nullable(Type.String({ description: "Why it is in this state", examples: ["no executor: 0 of 2 cores"] })),
    since: Instant,
    spec: JobSpecResource,
    specRevision: Type.Integer({ description: "Grows with each change of the spec; the ETag", examples: [3] }),
    restartPending: Type.Boolean({ description: "It runs with an older spec until it is restarted" }),
    failure: Nullable(
      Type.Object(
        { at: Instant, exception: Nullable(JobExceptionSchema), lastWords: Nullable(LastWordsResource) },
        { description: "What it, or its application, died of; null unless it is FAILED" },
      ),
    ),
    lag: Type.Object({
      records: Nullable(Type.String({ description: "Records of the topic that it has not counted", examples: ["0"] })),
      seconds: Nullable(Type.Number({ examples: [0.4] })),
    }),
    lastBatch: Nullable(
      Type.Object({
        id: Type.String({ examples: ["42"] }),
        at: Instant,
        rows: Type.Integer({ examples: [100] }),
        durationMs: Nullable(
          Type.Integer({ description: "null until Spark has reported on this batch", examples: [420] }),
        ),
        version: Type.String({ description: "Version of its first table", examples: ["97"] }),
      }),
    ),
  },
  { title: "Job", description: "A job" },
);

/** What jobs are and what they did: `GET /jobs`, `/jobs/{job}`. */
export const jobRoutes: FastifyPluginAsyncTypebox<{ jobs: JobReader }> = async (app, { jobs }) => {
  app.get(
    "/jobs",
    {
      schema: {
        operationId: "listJobs",
        tags: ["jobs"],
        summary: "All jobs",
        querystring: Type.Object(
          {
            shadows: Type.Optional(
              Type.Boolean({
                description: "Also those that replays run beside the live ones, such as `sales.gold@2`",
                default: false,
              }),
            ),
          },
          { additionalProperties: false },
        ),
        response: { 200: Type.Object({ items: Type.Array(JobResource) }, { description: "All jobs" }) },
      },
    },
    async (request) => ({ items: (await jobs.list(request.query.shadows)) as never[] }),
  );

  app.get(
    "/jobs/:job",
    {
      schema: {
        operationId: "getJob",
        tags: ["jobs"],
        summary: "One job",
        params: jobParams,
        response: { 200: withHeaders(JobResource, "ETag") },
      },
    },
    async (request, reply) => {
      const job = await jobs.get(request.params.job);
      return reply.header("etag", etag(job.specRevision)).send(job as never);
    },
  );
};
