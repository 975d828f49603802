import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { type Static, Type } from "typebox";
import type { DataQuality } from "../services/data-quality.ts";
import type { Row } from "../services/query-engine.ts";
import { nextCursor, oneOf, pageQuery, rangeQuery, stamp } from "./page-query.ts";

const metricsQuery = Type.Object({ ...rangeQuery("Batches measured"), ...pageQuery }, { additionalProperties: false });

const samplesQuery = Type.Object(
  {
    reason: Type.Optional(
      Type.String({
        minLength: 1,
        description: "Only records that break this: a reason of the contract, or the id of a rule",
        examples: ["BAD_AMOUNT"],
      }),
    ),
    batch_id: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: Number.MAX_SAFE_INTEGER,
        description: "Only records of this batch",
        examples: [42],
      }),
    ),
    ...pageQuery,
  },
  { additionalProperties: false },
);

const count = (description: string) => oneOf(["integer", "string", "null"], { description, examples: [12] });
const text = (example: string) => oneOf(["string", "null"], { examples: [example] });

const byRule = (description: string, example: number) =>
  Type.Optional(
    oneOf(["object", "null"], { description, additionalProperties: true, examples: [{ "region-known": example }] }),
  );

// Columns that a later version of the table adds are answered, too.
const metricsRow = Type.Object(
  {
    dq_run_ts: text("2026-11-21T00:01:02.003Z"),
    batch_id: count("Batch of the dq job"),
    total_records: count("Records of every outcome"),
    valid_records_estimate: count("Records without violation"),
    null_required_fields: count("Records without a required field"),
    invalid_domain_values: count("Records with a value outside of its domain"),
    bad_amounts: count("Records whose amount is not a number, too large, or of the wrong sign"),
    latency_sla_breaches: count("Records that were ingested later than the pipeline's latencySla after they happened"),
    accepted: count("Records counted in revenue"),
    duplicates: count("Records whose event_id was accepted before"),
    late: count("Records older than the allowed lateness"),
    future: count("Records dated further ahead than the allowed skew"),
    undecodable: count("Records that are not Avro of a known schema"),
    invalid: count("Records that break the contract"),
    low_watermark: text("2026-11-21T00:01:02.003Z"),
    rule_checked: byRule("Records that each data quality rule looked at, by its id", 400),
    rule_failures: byRule("Records that failed each rule", 12),
    rules_revision: Type.Optional(text("3f9a1c04be7d")),
  },
  { additionalProperties: true },
);

const samplesRow = Type.Object(
  {
    batch_id: count("Batch of the dq job"),
    dq_violation_reason: text("BAD_AMOUNT"),
    topic: text("sales.events.v1"),
    partition: Type.Integer({ examples: [0] }),
    offset: Type.String({ examples: ["1234"] }),
    rule: Type.Optional(text("region-known")),
  },
  { additionalProperties: true, description: "Where the record is, why it was sampled, and its columns in silver" },
);

/**
 * `GET /v1/dq/metrics` and `/v1/dq/samples`. Register with
 * `app.register(dataQualityRoutes, { prefix: "/v1", dataQuality: createDataQuality({ snapshots }) })`.
 */
export const dataQualityRoutes: FastifyPluginAsyncTypebox<{ dataQuality: DataQuality }> = async (
  app,
  { dataQuality },
) => {
  app.get(
    "/dq/metrics",
    {
      schema: {
        operationId: "listDataQualityMetrics",
        tags: ["data quality"],
        summary: "Data quality per batch, newest first",
        description: "Counts over the records of every outcome, one row per batch of the dq job.",
        querystring: metricsQuery,
        response: {
          200: Type.Object(
            { items: Type.Array(Type.Unsafe<Row>(metricsRow)), nextCursor, snapshot: stamp },
            { description: "A page of batches" },
          ),
        },
      },
    },
    async (request, reply) => reply.send(await dataQuality.metrics(request.query as Static<typeof metricsQuery>)),
  );

  app.get(
    "/dq/samples",
    {
      schema: {
        operationId: "listDataQualitySamples",
        tags: ["data quality"],
        summary: "Samples of records that break the contract or a data quality rule",
        description: "At most 100 per batch, newest batch first, lowest offsets first within it.",
        querystring: samplesQuery,
        response: {
          200: Type.Object(
            { items: Type.Array(Type.Unsafe<Row>(samplesRow)), nextCursor, snapshot: stamp },
            { description: "A page of records" },
          ),
        },
      },
    },
    async (request, reply) => reply.send(await dataQuality.samples(request.query as Static<typeof samplesQuery>)),
  );
};
