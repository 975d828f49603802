import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import type { Checkpoints } from "../services/checkpoints.ts";
import { Id, Instant, jobParams, Nullable } from "./lists.ts";

const batch = (description: string, example: string) => Nullable(Type.String({ description, examples: [example] }));

const LogResource = (description: string) =>
  Type.Object(
    {
      newest: batch("Its newest batch", "42"),
      oldest: batch("Its oldest batch: Spark keeps about a hundred", "0"),
      count: Type.Integer({ examples: [43] }),
      gaps: Type.Array(Type.String(), {
        description: "Batches in between that have no file, at most 100",
        examples: [[]],
      }),
    },
    { description },
  );

const SourceResource = Type.Object(
  {
    kind: Type.Enum(["kafka", "delta", "other"]),
    topics: Type.Optional(
      Type.Record(Type.String(), Type.Record(Type.String(), Type.String()), {
        description: "Kafka: the next offset to be read, per topic and partition",
        examples: [{ "sales.events.v1": { "0": "915", "1": "1021" } }],
      }),
    ),
    tableId: Type.Optional(Id("Delta: the id of the table")),
    version: Type.Optional(
      Type.String({
        description: "Delta: with an index below zero, every version before this one is read",
        examples: ["13"],
      }),
    ),
    index: Type.Optional(Type.String({ description: "Delta: the last file read of that version", examples: ["-1"] })),
    text: Type.Optional(
      Type.String({ description: "Any other source: the offset as Spark wrote it", examples: ['{"offset":7}'] }),
    ),
  },
  { title: "SourceOffset", description: "How far a source is read" },
);

const FindingResource = Type.Object(
  {
    file: Type.String({ description: "Relative to `folder`", examples: ["offsets/42"] }),
    problem: Type.String({ examples: ["it is empty"] }),
    stopsStart: Type.Boolean({ description: "A start of the job fails on it" }),
    waysOut: Type.Array(Type.String(), { examples: [["Restore the file from a backup."]] }),
  },
  { description: "Something wrong, and the ways out of it" },
);

const CheckpointResource = Type.Object(
  {
    job: Type.String({ examples: ["sales.bronze"] }),
    generation: Type.Integer({ examples: [1] }),
    folder: Type.String({
      description: "Where it lies",
      examples: ["/var/lib/penstock/checkpoints/gen=1/sales.bronze"],
    }),
    exists: Type.Boolean(),
    queryId: Nullable(Id("Spark's id of the query, from the file `metadata`")),
    offsets: LogResource("What was planned: a batch is logged here before it runs"),
    commits: LogResource("What is done"),
    ledgerBatch: batch("The newest batch that is in a table of the job; one without rows may be in none", "42"),
    inFlight: Nullable(
      Type.Object(
        {
          batch: Type.String({ examples: ["42"] }),
          from: Type.Array(SourceResource, { description: "Where it begins; nothing for the first batch" }),
          to: Type.Array(SourceResource, { description: "Where it ends" }),
        },
        { description: "The batch that is logged and not committed: it runs, or a start repeats it" },
      ),
    ),
    plannedAt: Nullable(Instant),
    watermark: Nullable(
      Type.String({ description: "Event-time watermark of the newest batch", examples: ["2026-11-21T00:01:02.003Z"] }),
    ),
    sources: Type.Array(SourceResource, { description: "Where the newest logged batch ends" }),
    stateOperators: Type.Array(
      Type.Object({
        operator: Type.String({ examples: ["0"] }),
        name: Nullable(Type.String({ examples: ["dedupeWithinWatermark"] })),
        partitions: Type.Integer({ examples: [2] }),
        rows: Nullable(Type.String({ description: "By the newest progress", examples: ["2100"] })),
        memoryBytes: Nullable(Type.String({ description: "By the newest progress", examples: ["2101440"] })),
        bytesOnDisk: Type.String({ examples: ["31862"] }),
      }),
    ),
    size: Type.Object({ bytes: Type.Integer({ examples: [120_000] }), files: Type.Integer({ examples: [97] }) }),
    next: Type.String({
      description: "What a start would do",
      examples: ["A start goes on after batch 42, which is committed."],
    }),
    damage: Type.Array(FindingResource, { description: "What is wrong; empty when nothing is" }),
  },
  { title: "Checkpoint", description: "A job's checkpoint" },
);

/** `GET /jobs/{job}/checkpoint`. */
export const checkpointRoutes: FastifyPluginAsyncTypebox<{ checkpoints: Checkpoints }> = async (
  app,
  { checkpoints },
) => {
  app.get(
    "/jobs/:job/checkpoint",
    {
      schema: {
        operationId: "getCheckpoint",
        tags: ["jobs"],
        summary: "What a job's checkpoint holds, what is wrong with it, and what a start would do",
        description: "Read from the folder as it lies there; nothing is changed.",
        params: jobParams,
        response: { 200: CheckpointResource },
      },
    },
    async (request) => (await checkpoints.report(request.params.job)) as never,
  );
};
