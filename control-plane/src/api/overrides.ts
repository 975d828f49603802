import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { OVERRIDE_STATES, TEXT_FIELDS } from "../domain/override.ts";
import type { OverrideRow, Overrides } from "../services/overrides.ts";
import { actorOf } from "./access.ts";
import { Instant, listQuery, Nullable, pageOf } from "./lists.ts";

const placeFields = {
  topic: Type.String({
    minLength: 1,
    maxLength: 249,
    description: "The pipeline's topic of events",
    examples: ["sales.events.v1"],
  }),
  partition: Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1, description: "Of the record", examples: [1] }),
  offset: Type.String({ pattern: "^\\d{1,18}$", description: "Of the record, in digits", examples: ["4711"] }),
};

/** Texts as the contract has them; an empty one clears a field that may be missing. */
const text = () =>
  Type.Optional(Type.String({ maxLength: 10_000, description: "Instead of what the record has", examples: ["EU"] }));

const replaced = Type.Object(
  {
    ...(Object.fromEntries(TEXT_FIELDS.map((name) => [name, text()])) as Record<
      (typeof TEXT_FIELDS)[number],
      ReturnType<typeof text>
    >),
    amount: Type.Optional(
      Type.String({
        pattern: "^-?\\d{1,16}(\\.\\d{1,2})?$",
        description: "Money as exact text, at most two digits behind the point",
        examples: ["49.00"],
      }),
    ),
    schema_version: Type.Optional(
      Type.Integer({
        minimum: -(2 ** 31),
        maximum: 2 ** 31 - 1,
        description: "Instead of what the record has",
        examples: [1],
      }),
    ),
  },
  {
    additionalProperties: false,
    description: "Fields of the event to replace, by their names in the contract; an empty text clears an optional one",
    examples: [{ region: "EU" }],
  },
);

const why = {
  minLength: 1,
  maxLength: 1_000,
  pattern: "\\S",
  examples: ["Ticket 1234: the clock of billing-3 was wrong"],
};

const overrideBody = Type.Object(
  {
    ...placeFields,
    reason: Type.String({ ...why, description: "Why: whoever asks later reads this" }),
    set: Type.Optional(replaced),
  },
  {
    additionalProperties: false,
    examples: [
      { topic: "sales.events.v1", partition: 1, offset: "4711", reason: "Ticket 1234", set: { region: "EU" } },
    ],
  },
);

const OverrideResource = Type.Object(
  {
    number: Type.Integer({ description: "Silver's column `override` of the row that it let in", examples: [7] }),
    ...placeFields,
    reason: Type.String({ examples: ["Ticket 1234"] }),
    set: Type.Record(Type.String(), Type.Union([Type.String(), Type.Integer()]), {
      description: "Fields that it replaces",
      examples: [{ region: "EU" }],
    }),
    outcome: Type.String({ description: "What the record had been refused as", examples: ["invalid"] }),
    createdBy: Type.String({ examples: ["local"] }),
    createdAt: Instant,
    state: Type.Enum([...OVERRIDE_STATES], {
      description: "`pending` until the job that writes silver has seen to it; `refused` where it could not be let in",
    }),
    settledAt: Nullable(Instant),
    reasons: Type.Array(Type.String(), {
      description: "Why it was refused: what is still wrong, or DUPLICATE, ALREADY_ACCEPTED, NO_RECORD",
      examples: [[]],
    }),
    eventId: Nullable(Type.String({ description: "Of the event that it let in", examples: ["e-1"] })),
    duplicateOf: Nullable(
      Type.String({ description: "Where the event had been accepted before", examples: ["sales.events.v1/0/12"] }),
    ),
    version: Nullable(Type.Integer({ description: "Silver's commit that has the row", examples: [42] })),
    batch: Nullable(Type.Integer({ description: "Silver's newest batch before it", examples: [17] })),
  },
  { title: "Override", description: "A decision to let a refused record in" },
);

/** `POST /v1/overrides`, `GET /v1/overrides`, `GET /v1/overrides/{number}` */
export const overrideRoutes: FastifyPluginAsyncTypebox<{ overrides: Overrides }> = async (app, { overrides }) => {
  app.post(
    "/overrides",
    {
      config: { access: "operator" },
      schema: {
        operationId: "createOverride",
        tags: ["overrides"],
        summary: "Let a refused record in after all",
        description:
          "The record's refused row stays. Silver gets one more row of it, judged anew with the replaced fields and whatever its times are; gold sums it, in a final window as a new revision. Replays apply it again.",
        body: overrideBody,
        response: { 201: OverrideResource },
      },
    },
    async (request, reply) => {
      const { set = {}, ...rest } = request.body;
      const asked = { by: actorOf(request), requestId: request.id };
      // By its value: "007" and "7" are one offset.
      const offset = BigInt(rest.offset).toString();
      const made = await overrides.create({ ...rest, offset, set: definedOf(set) }, asked);
      return reply.status(201).header("location", `/v1/overrides/${made.number}`).send(toResource(made));
    },
  );

  app.get(
    "/overrides",
    {
      schema: {
        operationId: "listOverrides",
        tags: ["overrides"],
        summary: "What people let in, newest first",
        querystring: Type.Object(
          {
            state: Type.Optional(Type.Enum([...OVERRIDE_STATES], { description: "Only these", examples: ["pending"] })),
            ...listQuery,
          },
          { additionalProperties: false },
        ),
        response: { 200: pageOf(OverrideResource, "A page of overrides") },
      },
    },
    async (request) => {
      const { items, nextCursor } = await overrides.list(request.query);
      return { items: items.map(toResource), nextCursor };
    },
  );

  app.get(
    "/overrides/:number",
    {
      schema: {
        operationId: "getOverride",
        tags: ["overrides"],
        summary: "One of them",
        params: Type.Object({
          number: Type.Integer({
            minimum: 1,
            maximum: Number.MAX_SAFE_INTEGER,
            description: "Of an override",
            examples: [7],
          }),
        }),
        response: { 200: OverrideResource },
      },
    },
    async (request) => toResource(await overrides.get(request.params.number)),
  );
};

function definedOf(set: Partial<Record<string, string | number>>): Record<string, string | number> {
  return Object.fromEntries(
    Object.entries(set).filter((entry): entry is [string, string | number] => entry[1] != null),
  );
}

function toResource({ fields, createdAt, settledAt, ...row }: OverrideRow) {
  return {
    ...row,
    set: fields,
    createdAt: createdAt.toISOString(),
    settledAt: settledAt?.toISOString() ?? null,
  };
}
