import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyReply } from "fastify";
import { type Static, Type } from "typebox";
import type { RecordChange, WindowChange } from "../domain/replay/diff.ts";
import { OUTCOMES } from "../services/outcomes.ts";
import type { DiffPage, DiffPages } from "../services/replay/diff-pages.ts";
import { CSV_TYPE, csv } from "./csv.ts";
import { pageQuery, rangeQuery } from "./page-query.ts";
import { recordPage, stateColumns, summary, windowPage } from "./replay-diff-schemas.ts";

const params = Type.Object({ id: Type.String({ format: "uuid", description: "Id of a replay" }) });
const kind = Type.Optional(
  Type.Enum(["added", "removed", "changed"], { description: "Only these", examples: ["changed"] }),
);
const outcome = (of: string) =>
  Type.Optional(Type.Enum([...OUTCOMES], { description: `Only records that are this ${of}`, examples: ["invalid"] }));
const oneOrMore = (description: string, example: string) =>
  Type.Optional(
    Type.Array(Type.String(), {
      description: `${description}; repeat it or separate values by commas`,
      examples: [[example]],
    }),
  );
const format = Type.Unsafe<"json" | "csv">({
  type: "string",
  enum: ["json", "csv"],
  default: "json",
  description: "In `csv`, the cursor is in the header `penstock-next-cursor`",
});

const windowsQuery = Type.Object(
  {
    kind,
    ...rangeQuery("Windows that start"),
    plan_tier: oneOrMore("free, pro, enterprise", "pro"),
    region: oneOrMore("NA, EU, LATAM, APAC", "EU"),
    currency: oneOrMore("USD, CAD, EUR", "USD"),
    format,
    ...pageQuery,
  },
  { additionalProperties: false },
);
const recordsQuery = Type.Object(
  {
    kind,
    before: outcome("in the live generation"),
    after: outcome("in the replay's"),
    partition: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1, description: "Only of this one", examples: [0] }),
    ),
    format,
    ...pageQuery,
  },
  { additionalProperties: false },
);

const page = (schema: typeof windowPage | typeof recordPage) => ({
  200: {
    description: "A page of differences",
    content: { "application/json": { schema }, "text/csv": { schema: Type.String() } },
  },
});

/** `GET /v1/replays/{id}/diff` and its pages. Register with `app.register(replayDiffRoutes, { prefix: "/v1", diffs: new DiffPages(store) })`. */
export const replayDiffRoutes: FastifyPluginAsyncTypebox<{ diffs: DiffPages }> = async (app, { diffs }) => {
  app.get(
    "/replays/:id/diff",
    {
      schema: {
        operationId: "getReplayDiff",
        tags: ["replays"],
        summary: "What a replay changes, in figures and in words",
        description:
          "Both generations are compared at one position of the topic: the figures of windows, and what silver says of each record.",
        params,
        querystring: Type.Object({}, { additionalProperties: false }),
        response: { 200: summary },
      },
    },
    async (request) => diffs.summary(request.params.id),
  );

  app.get(
    "/replays/:id/diff/windows",
    {
      schema: {
        operationId: "listReplayDiffWindows",
        tags: ["replays"],
        summary: "Revenue figures that a replay adds, removes or changes",
        params,
        querystring: windowsQuery,
        response: page(windowPage),
      },
    },
    async (request, reply) => {
      const { format, ...query } = request.query as Static<typeof windowsQuery>;
      const found = await diffs.windows(request.params.id, query);
      return format === "json" ? reply.send(found) : sendCsv(reply, found, WINDOW_COLUMNS, windowRow);
    },
  );

  app.get(
    "/replays/:id/diff/records",
    {
      schema: {
        operationId: "listReplayDiffRecords",
        tags: ["replays"],
        summary: "Records of which the two generations do not say the same",
        params,
        querystring: recordsQuery,
        response: page(recordPage),
      },
    },
    async (request, reply) => {
      const { format, ...query } = request.query as Static<typeof recordsQuery>;
      const found = await diffs.records(request.params.id, query);
      return format === "json" ? reply.send(found) : sendCsv(reply, found, RECORD_COLUMNS, recordRow);
    },
  );
};

type Cells<Name extends string> = Record<Name, string | number | boolean | null>;

function sendCsv<T, Name extends string>(
  reply: FastifyReply,
  { items, nextCursor }: DiffPage<T>,
  columns: readonly Name[],
  row: (item: T) => Cells<Name>,
) {
  if (nextCursor !== null) reply.header("penstock-next-cursor", nextCursor);
  return reply.type(CSV_TYPE).send(csv(columns, items.map(row)));
}

const WINDOW_COLUMNS = [
  ...(["kind", "window_start", "window_end", "plan_tier", "region", "currency", "final"] as const),
  ...(["revenue_before", "revenue_after", "revenue_difference"] as const),
  ...(["event_count_before", "event_count_after", "event_count_difference"] as const),
] as const;

function windowRow({ before, after, difference, ...window }: WindowChange): Cells<(typeof WINDOW_COLUMNS)[number]> {
  return {
    ...window,
    revenue_before: before?.revenue ?? null,
    revenue_after: after?.revenue ?? null,
    revenue_difference: difference.revenue,
    event_count_before: before?.event_count ?? null,
    event_count_after: after?.event_count ?? null,
    event_count_difference: difference.event_count,
  };
}

const RECORD_COLUMNS: readonly string[] = [
  ...["kind", "topic", "partition", "offset", "columns"],
  ...stateColumns.flatMap((name) => [`${name}_before`, `${name}_after`]),
];

function recordRow({ before, after, columns, ...place }: RecordChange): Cells<string> {
  const states = Object.entries({ before, after }).flatMap(([side, state]) =>
    stateColumns.map((name) => [`${name}_${side}`, text(state?.[name as keyof typeof state])]),
  );
  return { ...place, columns: columns.join(" "), ...Object.fromEntries(states) };
}

function text(value: string | string[] | null | undefined): string | null {
  return Array.isArray(value) ? value.join(" ") : (value ?? null);
}
