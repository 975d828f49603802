import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { summariseProgress } from "../domain/progress-summary.ts";
import { readCursor, writeCursor } from "../services/cursor.ts";
import type { JobReader } from "../services/jobs.ts";
import { Instant, jobParams, listQuery, Nullable, pageOf } from "./lists.ts";

const TYPES = ["progress", "idle", "housekeeping", "warning"] as const;
const Milliseconds = Type.Optional(Type.Integer({ examples: [120] }));

const SummaryResource = Type.Object(
  {
    batchId: Type.String({ examples: ["42"] }),
    rowsIn: Type.Integer({ examples: [776] }),
    inputRowsPerSecond: Nullable(Type.Number({ examples: [95.1] })),
    processedRowsPerSecond: Nullable(Type.Number({ examples: [88.1] })),
    durationsMs: Type.Object(
      {
        triggerExecution: Milliseconds,
        latestOffset: Milliseconds,
        queryPlanning: Milliseconds,
        getBatch: Milliseconds,
        walCommit: Milliseconds,
        addBatch: Milliseconds,
        commitOffsets: Milliseconds,
      },
      { description: "By phase; `triggerExecution` is the whole" },
    ),
    stateRows: Nullable(Type.Integer({ description: "Rows that stateful operators keep", examples: [2100] })),
  },
  { description: "The batch in figures; null for a report that is about none" },
);

const ProgressResource = Type.Object(
  {
    id: Type.String({ examples: ["4711"] }),
    generation: Type.Integer({ examples: [1] }),
    epoch: Type.Integer({ examples: [7] }),
    type: Type.String({ examples: ["progress"] }),
    at: Instant,
    summary: Nullable(SummaryResource),
    data: Type.Unknown({
      description: "Spark's StreamingQueryProgress, or what its kind of report says",
      examples: [{ batchId: 42, numInputRows: 776 }],
    }),
  },
  { title: "Progress", description: "A report of a job's query" },
);

const querySchema = Type.Object(
  {
    ...listQuery,
    type: Type.Optional(Type.Enum([...TYPES], { description: "Only reports of this kind" })),
  },
  { additionalProperties: false },
);

/** `GET /jobs/{job}/progress`. */
export const progressRoutes: FastifyPluginAsyncTypebox<{ jobs: JobReader }> = async (app, { jobs }) => {
  app.get(
    "/jobs/:job/progress",
    {
      schema: {
        operationId: "listProgress",
        tags: ["jobs"],
        summary: "What a job's query reported, newest first",
        description: "The last 500 reports of each job are kept.",
        params: jobParams,
        querystring: querySchema,
        response: {
          200: pageOf(ProgressResource, "A page of reports"),
        },
      },
    },
    async (request) => {
      const { limit, cursor, type } = request.query;
      const before = readCursor("progress", ["bigint"], cursor)?.[0];
      const page = { limit, beforeId: before === undefined ? null : String(before), type: type ?? null };
      const rows = await jobs.progress(request.params.job, page);
      const last = rows.length === limit ? rows.at(-1) : undefined;
      return {
        items: rows.map(({ job: _, at, data, ...row }) => ({
          ...row,
          at: at.toISOString(),
          summary: row.type === "progress" || row.type === "idle" ? summariseProgress(data) : null,
          data,
        })) as never[],
        nextCursor: last === undefined ? null : writeCursor("progress", [last.id]),
      };
    },
  );
};
