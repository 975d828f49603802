import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import type { Platform } from "../services/platform.ts";
import { Instant, Nullable } from "./lists.ts";

const LaunchResource = Type.Object({
  id: Type.String(),
  submissionId: Nullable(Type.String({ examples: ["driver-20261121015612-0000"] })),
  sparkAppId: Nullable(Type.String({ examples: ["app-20261121015617-0000"] })),
  recordedAt: Instant,
  adoptedAt: Nullable(Instant),
  lastSyncAt: Nullable(Instant),
  endedAt: Nullable(Instant),
  endReason: Nullable(Type.String()),
});

const ApplicationResource = Type.Object({
  name: Type.String({ examples: ["sales"] }),
  phase: Type.String({ description: "none, backoff, givenUp, submitting, starting, live, silent or unknown" }),
  reason: Nullable(Type.String()),
  spec: Type.Object({
    cores: Type.Integer(),
    driverMemory: Type.String(),
    executorMemory: Type.String(),
    shufflePartitions: Type.Integer(),
  }),
  jobs: Type.Array(Type.String()),
  launches: Type.Array(LaunchResource, { description: "Its submissions, newest first, at most 10" }),
});

const TopicResource = Type.Object({
  name: Type.String({ examples: ["sales.events.v1"] }),
  exists: Type.Boolean(),
  declared: Type.Object({
    partitions: Type.Integer(),
    timestampType: Nullable(Type.String()),
    retention: Type.String({ examples: ["7d"] }),
  }),
  actual: Nullable(
    Type.Object({
      partitions: Type.Array(
        Type.Object({ partition: Type.Integer(), earliest: Type.String(), latest: Type.String() }),
      ),
      timestampType: Nullable(Type.String()),
      retention: Nullable(Type.String()),
    }),
  ),
});

/** What the jobs run on: `GET /applications`, `/topics`. */
export const platformRoutes: FastifyPluginAsyncTypebox<{ platform: Platform }> = async (app, { platform }) => {
  app.get(
    "/applications",
    {
      schema: {
        operationId: "listApplications",
        tags: ["platform"],
        summary: "Spark applications and their submissions",
        response: { 200: Type.Object({ items: Type.Array(ApplicationResource) }, { description: "All applications" }) },
      },
    },
    async () => ({ items: await platform.applications() }),
  );

  app.get(
    "/topics",
    {
      schema: {
        operationId: "listTopics",
        tags: ["platform"],
        summary: "Topics as declared and as they are",
        response: { 200: Type.Object({ items: Type.Array(TopicResource) }, { description: "All declared topics" }) },
      },
    },
    async () => ({ items: await platform.topics() }),
  );
};
