import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { type Static, Type } from "typebox";
import type { Revenue, RevenueWindow } from "../services/revenue/windows.ts";
import { CSV_TYPE, csv } from "./csv.ts";
import { nextCursor, nullable, oneOf, pageQuery, rangeQuery, stampProperties } from "./page-query.ts";

const oneOrMore = (description: string, example: string) =>
  Type.Optional(
    Type.Array(Type.String(), {
      description: `${description}; repeat it or separate values by commas`,
      examples: [[example]],
    }),
  );

export const asOfQuery = Type.Optional(
  Type.String({
    description:
      "As it was answered then: an ISO-8601 instant with zone, or `version:12` for the time when that version of gold.revenue_5m_updates was the newest",
    examples: ["2026-11-21T00:17:00Z"],
  }),
);

const windowsQuery = Type.Object(
  {
    ...rangeQuery("Windows that start"),
    grain: Type.Optional(
      Type.String({
        description:
          "Length of the windows: the pipeline's own (default), or 15m, 1h, 1d where they are multiples of it",
        examples: ["1h"],
      }),
    ),
    rolling: Type.Optional(
      Type.String({
        description:
          "Length of rolled windows, a multiple of the grain: with `grain=5m&rolling=1h` one of an hour ends every five minutes, up to the newest window or where all has been read",
        examples: ["6h"],
      }),
    ),
    as_of: asOfQuery,
    plan_tier: oneOrMore("free, pro, enterprise", "pro"),
    region: oneOrMore("NA, EU, LATAM, APAC", "EU"),
    currency: oneOrMore("USD, CAD, EUR", "USD"),
    order: Type.Unsafe<"asc" | "desc">({
      type: "string",
      enum: ["asc", "desc"],
      default: "asc",
      description: "`asc`: oldest window first; `desc`: newest first",
    }),
    format: Type.Unsafe<"json" | "csv" | "ndjson">({
      type: "string",
      enum: ["json", "csv", "ndjson"],
      default: "json",
      description:
        "In `csv` and `ndjson`, cursor and snapshot are in the headers `penstock-next-cursor` and `penstock-snapshot`",
    }),
    ...pageQuery,
  },
  { additionalProperties: false },
);

export const revenueWindow = Type.Object({
  window_start: Type.String({ examples: ["2026-11-21T00:05:00Z"] }),
  window_end: Type.String({ examples: ["2026-11-21T00:10:00Z"] }),
  plan_tier: Type.String({ examples: ["pro"] }),
  region: Type.String({ examples: ["EU"] }),
  currency: Type.String({ examples: ["EUR"] }),
  revenue: Type.String({
    description: "Exact, two digits; refunds and chargebacks count negative",
    examples: ["1299.00"],
  }),
  event_count: oneOf<number | string>(["integer", "string"], {
    description: "Accepted events; a string beyond 2^53",
    examples: [13],
  }),
  status: Type.Unsafe<"final" | "provisional">({
    type: "string",
    enum: ["final", "provisional"],
    description: "Provisional figures still change",
  }),
  revision: oneOf<number | null>(["integer", "null"], {
    description: "1 when the figure was made final once, higher when late records corrected it; null while provisional",
    examples: [1],
  }),
});

export const revenueSnapshot = Type.Object({
  ...stampProperties,
  finalThrough: nullable("Every window that ends at or before it is final", "2026-11-21T00:10:00Z"),
  asOf: nullable(
    "When the newest commit that counts was made: the same request with it as `as_of` is answered the same at any later time",
    "2026-11-21T00:24:01.456Z",
  ),
});

const windowsAnswer = Type.Object({ items: Type.Array(revenueWindow), nextCursor, snapshot: revenueSnapshot });

const COLUMNS = Object.keys(revenueWindow.properties) as (keyof RevenueWindow)[];

/** `GET /v1/revenue/windows`. Register with `app.register(revenueRoutes, { prefix: "/v1", revenue: createRevenue(…) })`. */
export const revenueRoutes: FastifyPluginAsyncTypebox<{ revenue: Revenue }> = async (app, { revenue }) => {
  app.get(
    "/revenue/windows",
    {
      schema: {
        operationId: "listRevenueWindows",
        tags: ["revenue"],
        summary: "Revenue by window, plan tier, region and currency",
        description:
          "Final windows as they were summed, later ones from what has been counted so far. Currencies are never added up. A coarser or rolled window is final only when all of it is. Windows are those of UTC. Without events the list is empty.",
        querystring: windowsQuery,
        response: {
          200: {
            description: "A page of windows",
            content: {
              "application/json": { schema: windowsAnswer },
              "text/csv": { schema: Type.String() },
              "application/x-ndjson": { schema: Type.String() },
            },
          },
        },
      },
    },
    async (request, reply) => {
      const { format, ...query } = request.query as Static<typeof windowsQuery>;
      const answer = await revenue.windows(query);
      if (format === "json") return reply.send(answer);
      reply.header("penstock-snapshot", JSON.stringify(answer.snapshot));
      if (answer.nextCursor !== null) reply.header("penstock-next-cursor", answer.nextCursor);
      if (format === "csv") return reply.type(CSV_TYPE).send(csv(COLUMNS, answer.items));
      return reply.type("application/x-ndjson").send(answer.items.map((item) => `${JSON.stringify(item)}\n`).join(""));
    },
  );
};
