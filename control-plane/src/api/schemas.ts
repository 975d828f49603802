import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import type { Schemas } from "../services/schemas.ts";
import { Nullable } from "./lists.ts";

const AVRO = ["object", "array", "string"];
const Level = Type.String({ description: "As in Confluent's API", examples: ["BACKWARD_TRANSITIVE"] });

const SubjectResource = Type.Object(
  {
    subject: Type.String({ examples: ["sales.events.v1-value"] }),
    topic: Type.String({ examples: ["sales.events.v1"] }),
    compatibility: Type.Object({
      declared: Level,
      actual: Nullable(Level),
    }),
    versions: Type.Array(
      Type.Object({
        version: Type.Integer({ examples: [1] }),
        id: Type.Integer({ description: "The id that stands in each record", examples: [1] }),
        schema: Type.Unknown({
          description: "The Avro schema",
          examples: [{ type: "record", name: "SalesEvent", fields: [] }],
        }),
      }),
    ),
  },
  { title: "Subject", description: "The schemas of a topic's records" },
);

const CheckResource = Type.Object(
  {
    subject: Type.String({ examples: ["sales.events.v1-value"] }),
    compatible: Type.Boolean({ description: "The registry would take it as the next version" }),
    level: Nullable(Level),
    comparedWith: Type.Array(Type.Integer(), {
      description: "Versions that the level compares it with",
      examples: [[1]],
    }),
    messages: Type.Array(Type.String(), {
      description: "Why not",
      examples: [['records of version 1 cannot be read with the new schema: cannot read "double" as "string"']],
    }),
  },
  { title: "SchemaCheck", description: "The verdict on a schema" },
);

const subjectParams = Type.Object({
  subject: Type.String({ description: "Name of a subject", examples: ["sales.events.v1-value"] }),
});

const checkBody = Type.Object(
  { schema: Type.Unsafe<unknown>({ type: AVRO, description: "An Avro schema as JSON, or as text of JSON" }) },
  { additionalProperties: false },
);

/** The contract in the registry: `GET /schemas`, `/schemas/{subject}`, `POST /schemas/{subject}/check`. */
export const schemaRoutes: FastifyPluginAsyncTypebox<{ schemas: Schemas }> = async (app, { schemas }) => {
  app.get(
    "/schemas",
    {
      schema: {
        operationId: "listSchemas",
        tags: ["platform"],
        summary: "Subjects of the pipeline with all versions and their compatibility level",
        response: { 200: Type.Object({ items: Type.Array(SubjectResource) }, { description: "All subjects" }) },
      },
    },
    async () => ({ items: await schemas.list() }),
  );

  app.get(
    "/schemas/:subject",
    {
      schema: {
        operationId: "getSchema",
        tags: ["platform"],
        summary: "One subject",
        params: subjectParams,
        response: { 200: SubjectResource },
      },
    },
    async (request) => schemas.get(request.params.subject),
  );

  app.post(
    "/schemas/:subject/check",
    {
      // It registers nothing.
      config: { access: "viewer" },
      schema: {
        operationId: "checkSchema",
        tags: ["platform"],
        summary: "Whether the registry would take a schema as the subject's next version; nothing is registered",
        params: subjectParams,
        body: checkBody,
        response: { 200: CheckResource },
      },
    },
    async (request) => schemas.check(request.params.subject, request.body.schema),
  );
};
