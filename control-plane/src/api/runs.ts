import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { CertificateSchema, JobExceptionSchema } from "../domain/sync.ts";
import { readCursor, writeCursor } from "../services/cursor.ts";
import type { JobReader } from "../services/jobs.ts";
import type { RunDetails } from "../services/rows.ts";
import { Id, Instant, jobParams, listQuery, Nullable, pageOf } from "./lists.ts";

const RunResource = Type.Object(
  {
    job: Type.String({ examples: ["sales.gold"] }),
    epoch: Type.Integer({ examples: [7] }),
    generation: Type.Integer({ examples: [1] }),
    application: Type.String({ examples: ["sales"] }),
    launch: Id("The submission of the application that it ran in"),
    specRevision: Type.Integer({ description: "Revision of the spec that it was started with", examples: [3] }),
    submissionId: Nullable(Type.String({ examples: ["driver-20261121000102-0003"] })),
    driverId: Nullable(Type.String({ examples: ["driver-20261121000102-0003"] })),
    sparkAppId: Nullable(Type.String({ examples: ["app-20261121000105-0003"] })),
    queryId: Nullable(Id("Spark's id of the query: that of its checkpoint")),
    queryRunId: Nullable(Id("Spark's id of this start of the query")),
    startedAt: Instant,
    endedAt: Nullable(Instant),
    endedBy: Nullable(
      Type.String({ description: "`request`, `failure`, `application` or `runner`", examples: ["request"] }),
    ),
    endedByActor: Nullable(Type.String({ description: "Who asked for its end", examples: ["local"] })),
    operation: Nullable(Id("The operation that ended it, when a request did")),
    exception: Nullable(JobExceptionSchema),
    certificate: Nullable(CertificateSchema),
    batches: Type.String({ description: "Batches that it committed", examples: ["42"] }),
    rows: Type.String({ description: "Rows that it read in them", examples: ["4200"] }),
    outcomes: Type.Record(Type.String(), Type.String(), {
      description: "Rows that it wrote, by outcome",
      examples: [{ accepted: "4180", duplicate: "20" }],
    }),
  },
  { title: "Run", description: "One life of a job" },
);

/** Lives of jobs: `GET /jobs/{job}/runs`, `/jobs/{job}/runs/{epoch}`. */
export const runRoutes: FastifyPluginAsyncTypebox<{ jobs: JobReader }> = async (app, { jobs }) => {
  app.get(
    "/jobs/:job/runs",
    {
      schema: {
        operationId: "listRuns",
        tags: ["jobs"],
        summary: "Every life of a job, newest first",
        params: jobParams,
        querystring: Type.Object(listQuery, { additionalProperties: false }),
        response: {
          200: pageOf(RunResource, "A page of runs"),
        },
      },
    },
    async (request) => {
      const { limit, cursor } = request.query;
      const before = readCursor("runs", ["integer"], cursor)?.[0];
      const rows = await jobs.runs(request.params.job, limit, before === undefined ? null : Number(before));
      const last = rows.length === limit ? rows.at(-1) : undefined;
      return { items: rows.map(toRun), nextCursor: last === undefined ? null : writeCursor("runs", [last.epoch]) };
    },
  );

  app.get(
    "/jobs/:job/runs/:epoch",
    {
      schema: {
        operationId: "getRun",
        tags: ["jobs"],
        summary: "One life of a job",
        params: Type.Object({
          ...jobParams.properties,
          epoch: Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1, description: "Epoch of the run", examples: [7] }),
        }),
        response: { 200: RunResource },
      },
    },
    async (request) => toRun(await jobs.run(request.params.job, request.params.epoch)),
  );
};

function toRun({ stoppingSince: _stopping, spec: _spec, startedAt, endedAt, outcomes, ...run }: RunDetails) {
  return {
    ...run,
    startedAt: startedAt.toISOString(),
    endedAt: endedAt?.toISOString() ?? null,
    outcomes: Object.fromEntries(Object.entries(outcomes).map(([outcome, rows]) => [outcome, String(rows)])),
  };
}
