import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { LAUNCH_PHASES } from "../domain/lifecycle/launch.ts";
import type { Platform } from "../services/platform.ts";
import type { ApplicationSpecs } from "../services/specs/application-specs.ts";
import { actorOf } from "./access.ts";
import { withHeaders } from "./answer-headers.ts";
import { changeQuery, specAnswer } from "./job-specs.ts";
import { applicationParams, Id, Instant, Nullable } from "./lists.ts";
import { LastWordsResource } from "./logs.ts";
import { etag, expectedRevision, preconditionHeaders } from "./preconditions.ts";

const LaunchResource = Type.Object({
  id: Id("Id of a submission"),
  submissionId: Nullable(Type.String({ examples: ["driver-20261121015612-0000"] })),
  sparkAppId: Nullable(Type.String({ examples: ["app-20261121015617-0000"] })),
  specRevision: Nullable(
    Type.Integer({ description: "Revision of the spec that it was submitted with", examples: [3] }),
  ),
  recordedAt: Instant,
  adoptedAt: Nullable(Instant),
  lastSyncAt: Nullable(Instant),
  endedAt: Nullable(Instant),
  endReason: Nullable(Type.String({ examples: ["the driver has finished"] })),
  lastWords: Nullable(LastWordsResource),
});

const memory = (description: string) => Type.String({ description, examples: ["800m"] });

/** An application's spec, as it is answered and as it is sent. */
const ApplicationSpecResource = Type.Object(
  {
    cores: Type.Integer({ description: "Of all its executors together; its driver takes one more", examples: [2] }),
    driverMemory: memory("Heap of its driver, at least 512m"),
    executorMemory: memory("Heap of each executor, at least 512m"),
    shufflePartitions: Type.Integer({
      description: "Parts of a shuffle; state that exists stays split as it began",
      examples: [2],
    }),
    settings: Type.Record(Type.String(), Type.String(), {
      description:
        "Further Spark settings: those that docs/spark-settings.md lists; any other is refused with the reason",
      examples: [{ "spark.locality.wait": "0s" }],
    }),
  },
  { additionalProperties: false, title: "ApplicationSpec", description: "What an application is declared to be" },
);

const ApplicationResource = Type.Object(
  {
    name: Type.String({ examples: ["sales"] }),
    phase: Type.String({ description: Object.keys(LAUNCH_PHASES).join(", "), examples: ["live"] }),
    reason: Nullable(Type.String({ examples: ["its driver was lost"] })),
    dedicated: Type.Boolean({ description: "It belongs to the job of its name alone" }),
    spec: ApplicationSpecResource,
    specRevision: Type.Integer({ description: "Grows with each change of the spec; the ETag", examples: [3] }),
    restartPending: Type.Boolean({ description: "Its driver was submitted with an older spec" }),
    jobs: Type.Array(Type.String({ examples: ["sales.gold"] }), { description: "Jobs that belong into it" }),
    launches: Type.Array(LaunchResource, { description: "Its submissions, newest first, at most 10" }),
  },
  { title: "Application", description: "A Spark application" },
);

/** Spark applications: `GET /applications`, `GET` and `PUT /applications/{app}`. */
export const applicationRoutes: FastifyPluginAsyncTypebox<{ platform: Platform; specs: ApplicationSpecs }> = async (
  app,
  { platform, specs },
) => {
  app.get(
    "/applications",
    {
      schema: {
        operationId: "listApplications",
        tags: ["applications"],
        summary: "Spark applications and their submissions",
        response: { 200: Type.Object({ items: Type.Array(ApplicationResource) }, { description: "All applications" }) },
      },
    },
    async () => ({ items: await platform.applications() }),
  );

  app.get(
    "/applications/:app",
    {
      schema: {
        operationId: "getApplication",
        tags: ["applications"],
        summary: "One Spark application",
        params: applicationParams,
        response: { 200: withHeaders(ApplicationResource, "ETag") },
      },
    },
    async (request, reply) => {
      const application = await platform.application(request.params.app);
      return reply.header("etag", etag(application.specRevision)).send(application);
    },
  );

  app.put(
    "/applications/:app",
    {
      config: { access: "operator" },
      schema: {
        operationId: "putApplication",
        tags: ["applications"],
        summary: "Replace an application's spec",
        description:
          "Send the whole `spec` of GET /v1/applications/{app} with its changes. What the cluster has no room for is refused with `does_not_fit`, unless `force=true`.",
        params: applicationParams,
        querystring: changeQuery,
        headers: preconditionHeaders,
        body: ApplicationSpecResource,
        response: {
          200: withHeaders(specAnswer(ApplicationSpecResource), "ETag"),
          202: withHeaders(specAnswer(ApplicationSpecResource), "ETag", "Location"),
        },
      },
    },
    async (request, reply) => {
      const name = request.params.app;
      const expected = expectedRevision(request.headers["if-match"], `/v1/applications/${name}`);
      const asked = { by: actorOf(request), requestId: request.id, idempotencyKey: null };
      const answer = await specs.put(name, { expected, body: request.body, ...request.query }, asked);
      if (answer.operation !== null) reply.status(202).header("location", `/v1/operations/${answer.operation}`);
      return reply.header("etag", etag(answer.specRevision)).send(answer);
    },
  );
};
