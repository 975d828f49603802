import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import type { Platform } from "../services/platform.ts";
import { Nullable } from "./lists.ts";

const TopicResource = Type.Object({
  name: Type.String({ examples: ["sales.events.v1"] }),
  exists: Type.Boolean(),
  declared: Type.Object({
    partitions: Type.Integer({ examples: [3] }),
    timestampType: Nullable(Type.String({ examples: ["LogAppendTime"] })),
    retention: Type.String({ examples: ["7d"] }),
  }),
  actual: Nullable(
    Type.Object({
      partitions: Type.Array(
        Type.Object({
          partition: Type.Integer({ examples: [0] }),
          earliest: Type.String({ description: "Oldest offset that Kafka still has", examples: ["0"] }),
          latest: Type.String({ description: "Next offset that Kafka will give out", examples: ["1214"] }),
        }),
      ),
      timestampType: Nullable(Type.String({ examples: ["LogAppendTime"] })),
      retention: Nullable(Type.String({ examples: ["7d"] })),
    }),
  ),
});

/** What the jobs run on: `GET /topics`, `/topics/{topic}`. */
export const platformRoutes: FastifyPluginAsyncTypebox<{ platform: Platform }> = async (app, { platform }) => {
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

  app.get(
    "/topics/:topic",
    {
      schema: {
        operationId: "getTopic",
        tags: ["platform"],
        summary: "One topic as declared and as it is",
        params: Type.Object({ topic: Type.String({ description: "Name of a topic", examples: ["sales.events.v1"] }) }),
        response: { 200: TopicResource },
      },
    },
    async (request) => platform.topic(request.params.topic),
  );
};
