import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { DURATION_PATTERN } from "../domain/duration.ts";
import { invalidRequest, Problem } from "../domain/problem.ts";
import { SIZE_PATTERN } from "../domain/size.ts";
import { SQL_FORMATS, type SqlFormat } from "../services/sql/ports.ts";
import type { SqlAnswer, SqlQueries } from "../services/sql/queries.ts";
import { nullable, oneOf, stampProperties } from "./page-query.ts";

/** Seconds after which somebody who was one too many may come back. */
const RETRY_AFTER_S = 2;

const MEDIA_TYPES: Record<SqlFormat, string> = {
  json: "application/json",
  ndjson: "application/x-ndjson",
  csv: "text/csv",
  parquet: "application/vnd.apache.parquet",
};

const value = ["string", "number", "boolean", "null"];

const sqlBody = Type.Object(
  {
    sql: Type.String({
      minLength: 1,
      maxLength: 50_000,
      description: "One SELECT in DuckDB's SQL over the views of GET /v1/sql/schema",
      examples: ["SELECT region, sum(revenue) AS revenue FROM gold WHERE currency = $currency GROUP BY region"],
    }),
    params: Type.Optional(
      Type.Unsafe<Record<string, string | number | boolean | null> | (string | number | boolean | null)[]>({
        type: ["object", "array"],
        additionalProperties: { type: value },
        items: { type: value },
        description: "Values for `$name` by name, or for `?` and `$1` in order; they are bound and never become SQL",
        examples: [{ currency: "EUR" }],
      }),
    ),
    format: Type.Optional(
      Type.Enum([...SQL_FORMATS], {
        description: "Form of the answer; where it is left out, `Accept` tells, and JSON is the standard",
      }),
    ),
    truncate: Type.Optional(
      Type.Boolean({
        description:
          "Whether a result beyond `rows` or `bytes` is cut, and said to be, instead of refused. Standard: true for json, whose answer says so; false for the others, where only a header does",
      }),
    ),
    limits: Type.Optional(
      Type.Object(
        {
          rows: Type.Optional(Type.Integer({ minimum: 1, description: "Rows of the result", examples: [1000] })),
          bytes: Type.Optional(
            Type.String({ pattern: SIZE_PATTERN, description: "Size of the result", examples: ["1MB"] }),
          ),
          timeout: Type.Optional(
            Type.String({ pattern: DURATION_PATTERN, description: "How long it may take", examples: ["5s"] }),
          ),
          memory: Type.Optional(
            Type.String({ pattern: SIZE_PATTERN, description: "How much memory it may take", examples: ["256MB"] }),
          ),
        },
        { additionalProperties: false, description: "Other limits than the standard ones of GET /v1/sql/schema" },
      ),
    ),
  },
  { additionalProperties: false },
);

const snapshot = Type.Object(
  {
    ...stampProperties,
    finalThrough: nullable("Every window that ends at or before it is final", "2026-11-21T00:10:00Z"),
  },
  { description: "The one snapshot that everything was read from" },
);

const typeName = Type.String({ description: "DuckDB's name of it", examples: ["DECIMAL(38,2)"] });

const sqlAnswer = Type.Object({
  columns: Type.Array(Type.Object({ name: Type.String({ examples: ["revenue"] }), type: typeName }), {
    description: "The columns of the result, in order",
  }),
  rows: Type.Array(Type.Array(Type.Unknown()), {
    description:
      "The values of each row, in the order of the columns: decimals as exact strings, integers beyond 2^53 as strings, instants in UTC, bytes as base64",
    examples: [[["EU", "1299.00"]]],
  }),
  rowCount: Type.Integer({ examples: [1] }),
  truncated: Type.Boolean({ description: "The result has more than these rows" }),
  truncatedBy: oneOf<"rows" | "bytes" | null>(["string", "null"], {
    description: "The limit that cut it: `rows` or `bytes`; null when it is whole",
    examples: [null],
  }),
  durationMs: Type.Number({ description: "Milliseconds that the statement took", examples: [12.5] }),
  snapshot,
});

const limitsOf = (description: string) =>
  Type.Object(
    {
      rows: Type.Integer({ examples: [10_000] }),
      bytes: Type.Integer({ examples: [16_000_000] }),
      timeoutMs: Type.Integer({ examples: [10_000] }),
      memoryBytes: Type.Integer({ examples: [512_000_000] }),
    },
    { description },
  );

const schemaAnswer = Type.Object({
  views: Type.Array(
    Type.Object({
      name: Type.String({ examples: ["gold"] }),
      description: Type.String({ examples: ["Accepted events, decoded and typed: what revenue is summed from."] }),
      exists: Type.Boolean({ description: "Its tables are there; until then it has no rows" }),
      columns: Type.Array(
        Type.Object({
          name: Type.String({ examples: ["revenue"] }),
          type: typeName,
          description: nullable("What it holds", "Exact sum of the amounts"),
        }),
      ),
    }),
  ),
  limits: Type.Object({ standard: limitsOf("What a query may take"), most: limitsOf("The most it can ask for") }),
  snapshot,
});

const file = Type.String({ contentEncoding: "binary" });

/** `POST /v1/sql` and `GET /v1/sql/schema`. Register with `app.register(sqlRoutes, { prefix: "/v1", sql: createSqlQueries(…) })`. */
export const sqlRoutes: FastifyPluginAsyncTypebox<{ sql: SqlQueries }> = async (app, { sql }) => {
  app.post(
    "/sql",
    {
      // It changes nothing.
      config: { access: "viewer" },
      schema: {
        operationId: "runSql",
        tags: ["sql"],
        summary: "Ask anything: one SELECT over one snapshot of all tables",
        description:
          "DuckDB's SQL, read-only, over views of the live generation's tables (GET /v1/sql/schema). In `csv`, `ndjson` and `parquet`, the snapshot is in the header `penstock-snapshot`, and `penstock-truncated` says whether something was cut.",
        body: sqlBody,
        response: {
          200: {
            description: "The result",
            content: {
              "application/json": { schema: sqlAnswer },
              "application/x-ndjson": { schema: Type.String() },
              "text/csv": { schema: Type.String() },
              "application/vnd.apache.parquet": { schema: file },
            },
          },
        },
      },
    },
    async (request, reply) => {
      const format = request.body.format ?? accepted(request);
      const gone = new AbortController();
      reply.raw.once("close", () => gone.abort());
      // It may have left while its token was looked up.
      if (reply.raw.destroyed) gone.abort();
      try {
        return send(reply, format, await sql.run({ ...request.body, format }, gone.signal)) as never;
      } catch (error) {
        if (error instanceof Problem && error.details.code === "too_many_queries") {
          reply.header("retry-after", RETRY_AFTER_S);
        }
        throw error;
      }
    },
  );

  app.get(
    "/sql/schema",
    {
      schema: {
        operationId: "getSqlSchema",
        tags: ["sql"],
        summary: "The views that SQL is asked over, with their columns, and the limits of a query",
        response: { 200: schemaAnswer },
      },
    },
    async () => sql.schema(),
  );
};

/** The first form that the client names; whoever takes anything gets JSON. */
function accepted({ headers }: FastifyRequest): SqlFormat {
  const { accept } = headers;
  const wanted = (accept ?? "*/*").split(",").map((type) => (type.split(";")[0] ?? "").trim().toLowerCase());
  for (const type of wanted) {
    if (["*/*", "application/*"].includes(type)) return "json";
    if (type === "text/*") return "csv";
    const format = SQL_FORMATS.find((name) => MEDIA_TYPES[name] === type);
    if (format !== undefined) return format;
  }
  const expected = `one of ${Object.values(MEDIA_TYPES).join(", ")}, or format in the body`;
  throw invalidRequest([{ field: "accept", value: accept, expected }]);
}

function send(reply: FastifyReply, format: SqlFormat, { columns, body, ...answer }: SqlAnswer): FastifyReply {
  reply.header("cache-control", "no-store");
  if (format === "json") {
    const { rows, truncatedBy, durationMs, snapshot: stamp } = answer;
    const head = `{"columns":${JSON.stringify(columns)},"rows":[`;
    const tail = `],"rowCount":${rows},"truncated":${truncatedBy !== null},"truncatedBy":${JSON.stringify(truncatedBy)},"durationMs":${durationMs.toFixed(1)},"snapshot":${JSON.stringify(stamp)}}`;
    // The rows are JSON already; to read them in order to write them again would cost more than the query.
    return reply
      .type("application/json; charset=utf-8")
      .send(Buffer.concat([Buffer.from(head), body, Buffer.from(tail)]));
  }
  reply.header("penstock-snapshot", JSON.stringify(answer.snapshot));
  reply.header("penstock-truncated", answer.truncatedBy ?? "no");
  const type = format === "csv" ? "text/csv; charset=utf-8; header=present" : MEDIA_TYPES[format];
  return reply.type(type).send(Buffer.from(body));
}
