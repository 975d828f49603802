import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { OUTCOMES } from "../services/outcomes.ts";
import type { Quarantine } from "../services/quarantine.ts";
import type { QuarantinedRecord } from "../services/quarantined-record.ts";
import { listQuery } from "./lists.ts";
import { nextCursor, nullable, oneOf, rangeQuery, stamp } from "./page-query.ts";

const MOST_PARTITION = 2 ** 31 - 1;
/** 63 bits, as Kafka counts. */
const OFFSET = "^(0|[1-9][0-9]{0,17})$";

const offset = (description: string) => Type.String({ pattern: OFFSET, description, examples: ["1234"] });
const partition = Type.Integer({ minimum: 0, maximum: MOST_PARTITION, description: "Partition", examples: [0] });
const text = (description: string, example: string) =>
  Type.Optional(Type.String({ minLength: 1, maxLength: 500, description, examples: [example] }));

const query = Type.Object(
  {
    outcome: Type.Optional(
      Type.Enum(
        OUTCOMES.filter((outcome) => outcome !== "accepted"),
        { description: "Only records with this outcome" },
      ),
    ),
    reason: text("Only records refused for this reason, among others", "BAD_AMOUNT"),
    topic: text("Only records of this topic", "sales.events.v1"),
    partition: Type.Optional(partition),
    from_offset: Type.Optional(offset("Only records at or after this offset")),
    to_offset: Type.Optional(offset("Only records before this offset")),
    event_id: text("Only records with this event_id", "evt-42"),
    ...rangeQuery("Records appended"),
    ...listQuery,
  },
  { additionalProperties: false },
);

const bytes = (description: string) =>
  Type.Unsafe<QuarantinedRecord["value"]>({
    type: ["object", "null"],
    description,
    properties: {
      base64: { type: "string" },
      text: { type: ["string", "null"] },
      length: { type: "integer" },
    },
    examples: [{ base64: "YWNjLTE=", text: "acc-1", length: 5 }],
  });
const anything = (description: string, example: unknown) => Type.Unsafe<unknown>({ description, examples: [example] });

const record = {
  topic: Type.String({ examples: ["sales.events.v1"] }),
  partition: Type.Integer({ examples: [0] }),
  offset: Type.String({ examples: ["1234"] }),
  kafka_timestamp: Type.String({ examples: ["2026-11-21T00:01:02.003Z"] }),
  schema_id: oneOf<number | null>(["integer", "null"], { examples: [1] }),
  outcome: Type.String({ examples: ["invalid"] }),
  reasons: Type.Array(Type.String(), { examples: [["BAD_AMOUNT"]] }),
  event_id: nullable("As decoded", "evt-42"),
  repeats: Type.Unsafe<QuarantinedRecord["repeats"]>({
    type: ["object", "null"],
    description: "The accepted record that a duplicate repeats, the closest in time",
    properties: { partition: { type: "integer" }, offset: { type: "string" } },
    examples: [{ partition: 0, offset: "1230" }],
  }),
  conflict: oneOf<boolean | null>(["boolean", "null"], {
    description: "A duplicate that says something else than the accepted record of its id; null for other outcomes",
    examples: [false],
  }),
  decoded: anything("The event, as far as it could be decoded", { event_id: "evt-42", amount: -3.5 }),
  extra: anything("Fields of the writer's schema that the contract lacks", { campaign: "spring" }),
  key: bytes("The record's key"),
  headers: Type.Unsafe<QuarantinedRecord["headers"]>({
    type: ["array", "null"],
    description: "The record's headers; null where an older table does not have them",
    items: {
      type: "object",
      properties: {
        key: { type: "string" },
        value: { type: ["object", "null"], additionalProperties: true },
      },
    },
    examples: [[{ key: "source", value: { base64: "d2Vi", text: "web", length: 3 } }]],
  }),
  value: bytes("The record's raw value: in a list its first 1024 bytes, `length` says how many there are"),
  override: Type.Unsafe<QuarantinedRecord["override"]>({
    type: ["object", "null"],
    description: "The newest override of it, and what became of that; `applied`: it was let in after all",
    properties: { number: { type: "integer" }, state: { type: "string", enum: ["pending", "applied", "refused"] } },
    examples: [{ number: 3, state: "applied" }],
  }),
};

/** `GET /v1/quarantine`. Register with `app.register(quarantineRoutes, { prefix: "/v1", quarantine: createQuarantine({ snapshots }) })`. */
export const quarantineRoutes: FastifyPluginAsyncTypebox<{ quarantine: Quarantine }> = async (app, { quarantine }) => {
  app.get(
    "/quarantine",
    {
      schema: {
        operationId: "listQuarantine",
        tags: ["data quality"],
        summary: "Records that were refused, in the order in which they were appended",
        description:
          "With the reason of each, decoded as far as possible, and of a duplicate the record that it repeats.",
        querystring: query,
        response: {
          200: Type.Object(
            { items: Type.Array(Type.Object(record)), nextCursor, snapshot: stamp },
            { description: "A page of refused records" },
          ),
        },
      },
    },
    async (request, reply) => reply.send(await quarantine.list(request.query)),
  );

  app.get(
    "/quarantine/:topic/:partition/:offset",
    {
      schema: {
        operationId: "getQuarantinedRecord",
        tags: ["data quality"],
        summary: "One refused record, whole",
        params: Type.Object({
          topic: Type.String({ minLength: 1, description: "Topic", examples: ["sales.events.v1"] }),
          partition,
          offset: offset("Offset"),
        }),
        querystring: Type.Object({}, { additionalProperties: false }),
        response: { 200: Type.Object({ ...record, snapshot: stamp }, { description: "A refused record" }) },
      },
    },
    async (request, reply) => reply.send(await quarantine.find(request.params)),
  );
};
