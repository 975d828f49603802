import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import type { Outcomes } from "../services/outcomes.ts";
import { stamp } from "./page-query.ts";

const records = (description: string) => Type.String({ description, examples: ["100"] });

const outcomesAnswer = Type.Object(
  {
    items: Type.Array(
      Type.Object({
        outcome: Type.String({
          description: "accepted, duplicate, late, future, undecodable or invalid",
          examples: ["invalid"],
        }),
        records: records("Records with this outcome"),
        reasons: Type.Record(Type.String(), Type.String(), {
          description: "Records by reason; one record may have several",
          examples: [{ BAD_AMOUNT: "3" }],
        }),
      }),
    ),
    conflicts: records("Duplicates that say something else than the accepted record of their id"),
    records: records("Rows of silver: one for every record that was read"),
    overridden: records("Of the accepted, those that overrides let in: each counts once, as what it was let in as"),
    distinctOffsets: records(
      "Distinct topic, partition and offset in silver; differs from `records` only if a record was counted twice",
    ),
    bronzeRecords: records("Rows of bronze; what it has more than silver is on its way"),
    snapshot: stamp,
  },
  { description: "Records by what became of them" },
);

/** `GET /v1/audit/outcomes`. Register with `app.register(auditRoutes, { prefix: "/v1", outcomes: createOutcomes({ snapshots }) })`. */
export const auditRoutes: FastifyPluginAsyncTypebox<{ outcomes: Outcomes }> = async (app, { outcomes }) => {
  app.get(
    "/audit/outcomes",
    {
      schema: {
        operationId: "countOutcomes",
        tags: ["audit"],
        summary: "Every record, by what became of it",
        description: "Counted from the rows of silver and bronze, not taken from anybody's report.",
        querystring: Type.Object({}, { additionalProperties: false }),
        response: { 200: outcomesAnswer },
      },
    },
    async (_request, reply) => reply.send(await outcomes.outcomes()),
  );
};
