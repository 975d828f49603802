import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import type { Reconciliation } from "../services/reconciliation/reconciliation.ts";
import { Instant } from "./lists.ts";
import { nullable } from "./page-query.ts";

/** A recount that takes longer is answered 202. */
const WAIT_MS = 20_000;

const verdict = Type.Enum(["ok", "failed", "pending"], {
  description: "ok: compared and equal; failed: compared and not equal; pending: there is nothing yet to compare",
});

const LineResource = Type.Object(
  {
    id: Type.String({ description: "The same in each report", examples: ["silver.offsets.0"] }),
    subject: Type.Record(Type.String(), Type.String(), {
      description: "What it is about",
      examples: [{ table: "silver.sales_events", topic: "sales.events.v1", partition: "0" }],
    }),
    verdict,
    expected: nullable("What there should be: a number of records, or an amount", "915"),
    actual: nullable("What there is", "915"),
    pending: nullable("Records beyond the cut, on their way; null where that means nothing", "12"),
    detail: Type.String({
      description: "In words; of a line that failed: what is wrong, and where",
      examples: ["the offsets of bronze, each once"],
    }),
    at: Type.Object(
      {
        tables: Type.Record(Type.String(), Type.Integer(), {
          description: "The version of each table that was compared",
          examples: [{ "silver.sales_events": 42, "bronze.sales_events": 97 }],
        }),
        through: Type.Record(Type.String(), Type.String(), {
          description: "The next offset of each partition that bronze counts",
          examples: [{ "0": "915", "1": "1021", "2": "988" }],
        }),
      },
      { description: "What it was computed at" },
    ),
  },
  { title: "ReconciliationLine", description: "One thing that must hold, and whether it does" },
);

const ReportResource = Type.Object(
  {
    verdict,
    kind: Type.Enum(["recount", "incremental"], {
      description: "recount: from all rows; incremental: from what was added since the check before",
    }),
    at: Instant,
    durationMs: Type.Integer({ examples: [240] }),
    generation: Type.Integer({ examples: [1] }),
    read: Type.Object(
      { files: Type.Integer({ examples: [18] }), bytes: Type.Integer({ examples: [70_211] }) },
      { description: "Data files whose rows were read, and their size" },
    ),
    stale: Type.Boolean({ description: "No check has succeeded for five minutes: it says little of now" }),
    lastError: nullable(
      "Why the newest check could not be made; null when it could, and of a control plane that stands by",
      "Postgres does not answer",
    ),
    lines: Type.Array(LineResource),
  },
  { title: "Reconciliation", description: "Whether everything from Kafka to gold adds up" },
);

const Started = Type.Object(
  {
    running: Type.Boolean(),
    next: Type.String({ examples: ["GET /v1/audit/reconciliation has it once it has ended."] }),
  },
  { title: "RecountStarted", description: "The recount takes longer; it goes on" },
);

/** `GET /v1/audit/reconciliation` */
export const reconciliationRoutes: FastifyPluginAsyncTypebox<{ reconciliation: Reconciliation }> = async (
  app,
  { reconciliation },
) => {
  app.get(
    "/audit/reconciliation",
    {
      schema: {
        operationId: "getReconciliation",
        tags: ["audit"],
        summary: "Whether everything adds up, from Kafka to gold",
        description:
          "The newest check; one is made every minute, from the ledger and what was added since the one before. With `recount` everything is counted anew from the rows, by the control plane that decides; so soon after a recount that they would take more than a tenth of the time, and for a minute at most, the answer is the newest check.",
        querystring: Type.Object(
          {
            recount: Type.Optional(
              Type.Boolean({
                description:
                  "Count all rows anew; one at a time, given up after two minutes unless PENSTOCK_RECONCILIATION_TIMEOUT says otherwise",
              }),
            ),
          },
          { additionalProperties: false },
        ),
        response: { 200: ReportResource, 202: Started },
      },
    },
    async (request, reply) => {
      if (request.query.recount !== true) return reply.send(await reconciliation.latest());
      const report = await reconciliation.askedRecount(WAIT_MS);
      if (report !== null) return reply.send(report);
      return reply.code(202).send({ running: true, next: "GET /v1/audit/reconciliation has it once it has ended." });
    },
  );
};
