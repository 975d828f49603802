import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { type Static, Type } from "typebox";
import type { Explanations } from "../services/revenue/explain.ts";
import { nextCursor, nullable, oneOf, pageQuery } from "./page-query.ts";
import { asOfQuery, revenueSnapshot, revenueWindow } from "./revenue.ts";

const explainQuery = Type.Object(
  {
    window_start: Type.String({
      description: "Start of the figure's window, ISO-8601 with zone",
      examples: ["2026-11-21T00:05:00Z"],
    }),
    plan_tier: Type.String({ description: "free, pro or enterprise", examples: ["pro"] }),
    region: Type.String({ description: "NA, EU, LATAM or APAC", examples: ["EU"] }),
    currency: Type.String({ description: "USD, CAD or EUR", examples: ["EUR"] }),
    grain: Type.Optional(
      Type.String({ description: "Length of the window; the pipeline's own when left out", examples: ["1h"] }),
    ),
    as_of: asOfQuery,
    ...pageQuery,
  },
  { additionalProperties: false },
);

const amount = (description: string, example: string) => Type.String({ description, examples: [example] });
const count = (description: string, example: string) => Type.String({ description, examples: [example] });

const sum = Type.Object({
  revenue: amount("Exact, two digits", "22.00"),
  event_count: count("Events that it is the sum of", "4"),
});

const record = Type.Object({
  outcome: Type.String({ description: "`accepted`: counted", examples: ["accepted"] }),
  event_id: nullable("", "e-000042"),
  event_type: nullable("", "renewal"),
  event_time: Type.String({ examples: ["2026-11-21T00:06:12.345Z"] }),
  plan_tier: nullable("As it was decoded", "pro"),
  region: nullable("As it was decoded", "EU"),
  currency: nullable("As it was decoded", "EUR"),
  amount: nullable("Null where it is no amount", "12.00"),
  topic: Type.String({ examples: ["sales.events.v1"] }),
  partition: Type.Integer({ examples: [0] }),
  offset: Type.String({ examples: ["1214"] }),
  kafka_timestamp: Type.String({ examples: ["2026-11-21T00:06:12.901Z"] }),
  batch: oneOf<number | null>(["integer", "null"], {
    description: "The batch that counted it; null where none did, and where the ledger does not tell",
    examples: [42],
  }),
  override: nullable("The override that let it in; null for all others", "7"),
  reasons: Type.Array(Type.String(), { examples: [["BAD_AMOUNT"]] }),
  unknown: Type.Array(Type.String(), {
    description: "Its values that are missing or outside of their domain: it may have been meant for another figure",
    examples: [["currency"]],
  }),
  why: nullable("Why it was not counted", "It was appended 11m2.5s after it happened; 10m are allowed."),
});

const batchOfFigure = Type.Object({
  batch: Type.Integer({ examples: [42] }),
  epoch: oneOf<number | null>(["integer", "null"], {
    description: "Of the run that made it; null where the ledger does not know the batch any more",
    examples: [3],
  }),
  committedAt: nullable("", "2026-11-21T00:17:03.120Z"),
  version: oneOf<number | null>(["integer", "null"], {
    description: "Of gold.revenue_5m_updates",
    examples: [57],
  }),
  ...sum.properties,
  total: amount("With all batches before it", "22.00"),
});

const change = Type.Object({
  at: nullable("Null where the ledger does not know it any more", "2026-11-21T00:17:03.120Z"),
  kind: Type.Unsafe<"counted" | "final" | "revised">({
    type: "string",
    enum: ["counted", "final", "revised"],
    description:
      "`counted`: a batch added to it; `final`: it changes no more but by a revision; `revised`: what was counted after that was summed up",
  }),
  batch: Type.Integer({ examples: [42] }),
  difference: amount("By how much", "12.00"),
  events: count("How many more events", "1"),
  revenue: amount("From then on", "22.00"),
  event_count: count("From then on", "4"),
  status: Type.Unsafe<"final" | "provisional">({ type: "string", enum: ["final", "provisional"] }),
  revision: oneOf<number | null>(["integer", "null"], { examples: [null] }),
  text: Type.String({
    examples: [
      "At 2026-11-21T00:17:03.120Z batch 42 counted 1 more event worth 12.00 EUR: 10.00 EUR became 22.00 EUR.",
    ],
  }),
});

const run = Type.Object({
  job: Type.String({ examples: ["sales.gold"] }),
  generation: Type.Integer({ description: "Whose tables it wrote", examples: [1] }),
  epoch: Type.Integer({ examples: [3] }),
  launch: Type.String({ examples: ["5c259ff4-f81b-458a-8d21-562e0d610c1e"] }),
  startedAt: Type.String({ examples: ["2026-11-21T00:01:02.003Z"] }),
  endedAt: nullable("Null while it runs", "2026-11-21T09:10:11.012Z"),
  endedBy: nullable("", "request"),
});

const explanation = Type.Object({
  figure: Type.Unsafe<Static<typeof revenueWindow> | null>({
    ...revenueWindow,
    type: ["object", "null"],
    description: "As /v1/revenue/windows says it; null where no event has been counted",
  }),
  summary: Type.String({ examples: ["22.00 EUR from 4 events, final."] }),
  addsUp: Type.Boolean({ description: "Whether figure, batches and records say the same", examples: [true] }),
  sums: Type.Object(
    { figure: sum, updates: sum, pending: sum, rows: sum },
    {
      description:
        "`updates` is what the batches add up to, `rows` what the accepted records do; `pending` has been counted after the figure was final, and is not summed up yet: rows = updates + pending",
    },
  ),
  outcomes: Type.Record(Type.String(), Type.String(), {
    description: "How many records belong to it, by outcome",
    examples: [{ accepted: "4", duplicate: "0", late: "1", future: "0", invalid: "0" }],
  }),
  items: Type.Array(record, {
    description: "The accepted records that it is the sum of, then the refused ones that would have fallen into it",
  }),
  nextCursor,
  batches: Type.Array(batchOfFigure, { description: "Oldest first; the newest 1000" }),
  changes: Type.Array(change, { description: "Oldest first; the newest 1000" }),
  omitted: Type.Object(
    { batches: Type.Integer({ examples: [0] }), changes: Type.Integer({ examples: [0] }) },
    { description: "Older ones that are not listed" },
  ),
  runs: Type.Array(run, { description: "Runs that made the batches" }),
  snapshot: revenueSnapshot,
});

/** `GET /v1/revenue/explain`. Register with `app.register(revenueExplainRoutes, { prefix: "/v1", explanations })`. */
export const revenueExplainRoutes: FastifyPluginAsyncTypebox<{ explanations: Explanations }> = async (
  app,
  { explanations },
) => {
  app.get(
    "/revenue/explain",
    {
      schema: {
        operationId: "explainRevenue",
        tags: ["revenue"],
        summary: "Where one figure comes from, and how it came to be what it is",
        description:
          "The records that it is the sum of, those that were refused and why, the batches and runs that built it, and each change with its reason. Records come in pages; everything else is in each of them.",
        querystring: explainQuery,
        response: { 200: explanation },
      },
    },
    async (request, reply) => {
      const { runs, ...answer } = await explanations.explain(request.query as Static<typeof explainQuery>);
      return reply.send({
        ...answer,
        runs: runs.map(({ startedAt, endedAt, ...rest }) => ({
          ...rest,
          startedAt: startedAt.toISOString(),
          endedAt: endedAt?.toISOString() ?? null,
        })),
      });
    },
  );
};
