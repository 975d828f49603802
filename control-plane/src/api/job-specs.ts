import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { DURATION_PATTERN } from "../domain/duration.ts";
import type { JobSpecs } from "../services/specs/job-specs.ts";
import { actorOf } from "./access.ts";
import { withHeaders } from "./answer-headers.ts";
import { Id, jobParams, Nullable } from "./lists.ts";
import { etag, expectedRevision, preconditionHeaders } from "./preconditions.ts";

const duration = (description: string, example: string) =>
  Type.String({ pattern: DURATION_PATTERN, description, examples: [example] });
const closed = { additionalProperties: false };

/** A job's spec, as it is answered and as it is sent. */
export const JobSpecResource = Type.Object(
  {
    kind: Type.String({ description: "Which query it runs; cannot be changed", examples: ["gold"] }),
    application: Type.String({
      description: "The Spark application that hosts it, or `dedicated`: one of its own, named after the job",
      examples: ["sales"],
    }),
    trigger: duration("Time between the starts of two batches, at most 1h; 0s: one after the other", "0s"),
    limits: Type.Record(Type.String(), Type.Integer(), {
      description:
        "What one batch takes in at most: maxOffsetsPerTrigger where it reads Kafka, maxFilesPerTrigger and maxBytesPerTrigger where it reads tables",
      examples: [{ maxFilesPerTrigger: 64 }],
    }),
    options: Type.Record(Type.String(), Type.Integer(), {
      description: "Further options of its source, such as minPartitions or kafka.max.partition.fetch.bytes",
      examples: [{}],
    }),
    reads: Type.Array(Type.String(), {
      description: "Tables that it reads; cannot be changed",
      examples: [["silver.sales_events"]],
    }),
    writes: Type.Array(Type.String(), {
      description: "Tables that it writes; cannot be changed",
      examples: [["gold.revenue_5m_updates", "gold.revenue_5m"]],
    }),
    restart: Type.Object(
      {
        maxFailures: Type.Integer({ description: "So many failures within that time end in FAILED", examples: [5] }),
        within: duration("The time in which failures are counted", "10m"),
        backoff: duration("Wait before the first new start; doubles with each failure", "1s"),
        maxBackoff: duration("The longest wait", "1m"),
      },
      { ...closed, description: "What happens when it fails" },
    ),
    drainTimeout: duration("How long a drain may take, at most 1h, when a stop or restart does not say", "30s"),
  },
  { ...closed, title: "JobSpec", description: "What a job is declared to be" },
);

export const SpecChangeResource = Type.Object({
  field: Type.String({ examples: ["trigger"] }),
  from: Type.Unknown({ description: "null where it was absent", examples: ["0s"] }),
  to: Type.Unknown({ description: "null where it is absent now", examples: ["5s"] }),
  needs: Type.Enum(["nothing", "restart", "newGeneration"], { description: "What it needs before it holds" }),
  note: Nullable(Type.String({ examples: ["a batch that is logged and not committed is repeated as it was"] })),
});

/** What a change of a spec does. */
export const specAnswer = <T extends Parameters<typeof Type.Array>[0]>(spec: T) =>
  Type.Object(
    {
      dryRun: Type.Boolean({ description: "Nothing was changed" }),
      effect: Type.Enum(["none", "restart"], {
        description: "`restart`: what runs goes on with the old values until it is restarted",
      }),
      changes: Type.Array(SpecChangeResource, { description: "Field by field" }),
      restartPending: Type.Boolean({ description: "What runs was started with an older spec" }),
      specRevision: Type.Integer({ examples: [4] }),
      spec,
      operation: Nullable(Id("Id of the restart that was asked for with it")),
    },
    { description: "What the change does" },
  );

/** Query of a request that replaces a spec. */
export const changeQuery = Type.Object(
  {
    dryRun: Type.Boolean({ default: false, description: "Only say what would happen" }),
    restart: Type.Boolean({ default: false, description: "Restart at once what has to be restarted" }),
    force: Type.Boolean({ default: false, description: "Save it although the cluster has no room for it" }),
  },
  { additionalProperties: false },
);

/** `PUT /jobs/{job}`: changes what a job is declared to be. */
export const jobSpecRoutes: FastifyPluginAsyncTypebox<{ specs: JobSpecs }> = async (app, { specs }) => {
  app.put(
    "/jobs/:job",
    {
      config: { access: "operator" },
      schema: {
        operationId: "putJob",
        tags: ["jobs"],
        summary: "Replace a job's spec",
        description:
          "Send the whole `spec` of GET /v1/jobs/{job} with its changes. What the checkpoint depends on is refused with `needs_new_generation`.",
        params: jobParams,
        querystring: changeQuery,
        headers: preconditionHeaders,
        body: JobSpecResource,
        response: {
          200: withHeaders(specAnswer(JobSpecResource), "ETag"),
          202: withHeaders(specAnswer(JobSpecResource), "ETag", "Location"),
        },
      },
    },
    async (request, reply) => {
      const { job } = request.params;
      const expected = expectedRevision(request.headers["if-match"], `/v1/jobs/${job}`);
      const asked = { by: actorOf(request), requestId: request.id, idempotencyKey: null };
      const answer = await specs.put(job, { expected, body: request.body, ...request.query }, asked);
      if (answer.operation !== null) reply.status(202).header("location", `/v1/operations/${answer.operation}`);
      return reply.header("etag", etag(answer.specRevision)).send(answer as never);
    },
  );
};
