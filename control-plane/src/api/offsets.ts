import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import type { Sources } from "../services/sources.ts";
import { jobParams, Nullable } from "./lists.ts";

const PartitionResource = Type.Object({
  partition: Type.Integer({ examples: [0] }),
  earliest: Type.String({ description: "Oldest offset that Kafka still has", examples: ["0"] }),
  committed: Nullable(Type.String({ description: "Next offset that this job will count", examples: ["10"] })),
  latest: Type.String({ description: "Next offset that Kafka will give out", examples: ["12"] }),
  lagRecords: Type.String({ examples: ["2"] }),
  lagSeconds: Nullable(Type.Number({ examples: [0.3] })),
});

const SourceProblemResource = Type.Object(
  {
    text: Type.String({ examples: ["the topic was made anew: it ends at offset 12, 915 are committed"] }),
    waysOut: Type.Array(Type.String(), { examples: [["Begin anew in another state folder."]] }),
  },
  { description: "Why the job cannot go on as it should, such as a topic that was deleted and made anew" },
);

const SourceResource = Type.Object(
  {
    kind: Type.Enum(["kafka", "delta"]),
    name: Type.String({ description: "The topic, or the table", examples: ["bronze.sales_events"] }),
    partitions: Type.Optional(Type.Array(PartitionResource, { description: "Kafka" })),
    problem: Type.Optional(Nullable(SourceProblemResource)),
    committed: Type.Optional(
      Nullable(Type.String({ description: "Delta: newest version that is read completely", examples: ["12"] })),
    ),
    latest: Type.Optional(
      Nullable(Type.String({ description: "Delta: newest version; null while there is no table", examples: ["14"] })),
    ),
    lagVersions: Type.Optional(Nullable(Type.String({ examples: ["2"] }))),
    lagRecords: Type.Optional(
      Nullable(
        Type.String({ description: "Delta: rows of the versions in between; null where unknown", examples: ["145"] }),
      ),
    ),
    lagSeconds: Type.Optional(
      Nullable(Type.Number({ description: "Delta: age of the oldest rows that are not read", examples: [1.2] })),
    ),
  },
  { description: "What the job reads from" },
);

const OffsetsResource = Type.Object(
  {
    job: Type.String({ examples: ["sales.silver"] }),
    topic: Type.String({ examples: ["sales.events.v1"] }),
    partitions: Type.Array(PartitionResource, { description: "Against the topic, whatever lies between" }),
    caughtUp: Type.Boolean({ description: "Nothing is left to read" }),
    problem: Nullable(SourceProblemResource),
    sources: Type.Array(SourceResource, { description: "Against what the job itself reads: the topic or tables" }),
  },
  { title: "Offsets", description: "Where a job stands" },
);

/** `GET /jobs/{job}/offsets`. */
export const offsetRoutes: FastifyPluginAsyncTypebox<{ sources: Sources }> = async (app, { sources }) => {
  app.get(
    "/jobs/:job/offsets",
    {
      schema: {
        operationId: "getOffsets",
        tags: ["jobs"],
        summary: "How far a job is behind the topic, per partition, and behind the tables that it reads",
        description:
          "Earliest and latest come from Kafka, committed from the ledger of the job's table; versions come from the tables' logs.",
        params: jobParams,
        response: { 200: OffsetsResource },
      },
    },
    async (request) => (await sources.offsets(request.params.job)) as never,
  );
};
