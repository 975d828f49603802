import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { writeRules } from "../domain/replay/request.ts";
import type { Generations } from "../services/generations/generations.ts";
import type { GenerationDetails } from "../services/generations/ports.ts";
import { actorOf } from "./access.ts";
import { Id, Instant, Nullable } from "./lists.ts";

const GenerationResource = Type.Object(
  {
    generation: Type.Integer({ examples: [2] }),
    state: Type.Enum(["shadow", "live", "kept", "discarded", "collected"], {
      description:
        "`shadow`: a replay makes it ready; `live`: what everybody reads; `kept`: it was live, and can become so again; `discarded`: its files are being deleted; `collected`: they are gone",
    }),
    parent: Nullable(Type.Integer({ description: "That was live when it was made", examples: [1] })),
    replay: Nullable(Id("That made it; null for the first one")),
    tables: Type.Record(Type.String(), Type.String(), {
      description: "Where each table lies below the lake; those that no replay touched are shared",
      examples: [{ "silver.sales_events": "gen=2/silver.sales_events" }],
    }),
    rules: Type.Record(Type.String(), Type.Unknown(), {
      description: "What decided its rows",
      examples: [{ window: "5m", allowedLateness: "10m" }],
    }),
    start: Nullable(
      Type.Record(Type.String(), Type.String(), {
        description: "Offsets at which it begins; null for all that there was",
        examples: [{ "0": "915" }],
      }),
    ),
    inherits: Nullable(
      Type.String({
        description:
          "Where the rows before `start` were taken over from, below the lake; null: it has none, or has made all",
        examples: ["gen=1/silver.sales_events"],
      }),
    ),
    shadows: Type.Array(Type.String(), { description: "Its shadow jobs", examples: [["sales.silver@2"]] }),
    held: Nullable(Type.String({ examples: ["sales.gold is more than 30 s behind"] })),
    createdAt: Instant,
    promotedAt: Nullable(Instant),
    keptUntil: Nullable(Instant),
    collectedAt: Nullable(Instant),
  },
  { title: "Generation", description: "A consistent set of tables; exactly one is live" },
);

const params = Type.Object({
  generation: Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1, description: "Number of a generation", examples: [2] }),
});

/** `GET /generations`, `/generations/{generation}`, `DELETE /generations/{generation}` */
export const generationRoutes: FastifyPluginAsyncTypebox<{ generations: Generations }> = async (
  app,
  { generations },
) => {
  app.get(
    "/generations",
    {
      schema: {
        operationId: "listGenerations",
        tags: ["replays"],
        summary: "Generations of the tables, newest first",
        response: { 200: Type.Object({ items: Type.Array(GenerationResource) }, { description: "All of them" }) },
      },
    },
    async () => ({ items: (await generations.list()).map(toResource) }),
  );

  app.get(
    "/generations/:generation",
    {
      schema: {
        operationId: "getGeneration",
        tags: ["replays"],
        summary: "One generation",
        params,
        response: { 200: GenerationResource },
      },
    },
    async (request) => toResource(await generations.find(request.params.generation)),
  );

  app.delete(
    "/generations/:generation",
    {
      config: { access: "operator" },
      schema: {
        operationId: "deleteGeneration",
        tags: ["replays"],
        summary: "Give up a generation that is kept",
        description: "Nothing leads back to it from then on; what it alone has is deleted soon.",
        params,
        response: { 202: GenerationResource },
      },
    },
    async (request, reply) => {
      const asked = { by: actorOf(request), requestId: request.id };
      return reply.status(202).send(toResource(await generations.discard(request.params.generation, asked)));
    },
  );
};

function toResource({ number, tables, rules, shadows, ...generation }: GenerationDetails) {
  const { state, parent, replay, start, inherits, held, createdAt, promotedAt, keptUntil, collectedAt } = generation;
  return {
    generation: number,
    ...{ state, parent, replay, tables, start, inherits, held },
    rules: writeRules(rules),
    shadows: shadows.map(({ id }) => id),
    createdAt: createdAt.toISOString(),
    promotedAt: promotedAt?.toISOString() ?? null,
    keptUntil: keptUntil?.toISOString() ?? null,
    collectedAt: collectedAt?.toISOString() ?? null,
  };
}
