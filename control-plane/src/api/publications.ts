import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { FEEDS } from "../domain/publications/publication-spec.ts";
import { PUBLICATION_STATES, type Publications } from "../services/publications/publications.ts";
import { actorOf } from "./access.ts";
import { Instant, Nullable } from "./lists.ts";

const PublicationResource = Type.Object(
  {
    name: Type.String({ examples: ["deadLetters"] }),
    feed: Type.Enum([...FEEDS], { description: "What its records are made from" }),
    topic: Type.String({ examples: ["sales.events.dlq.v1"] }),
    table: Type.String({ description: "Whose rows are sent on", examples: ["silver.sales_events"] }),
    state: Type.Enum([...PUBLICATION_STATES], {
      description:
        "`WAITING`: something that it needs is away, and `reason` says what; `UNKNOWN`: no control plane has looked at it lately",
    }),
    reason: Nullable(
      Type.String({ examples: ["Kafka does not take records for sales.events.dlq.v1: connect ECONNREFUSED"] }),
    ),
    generation: Nullable(Type.Integer({ description: "Of the table; null while there is none", examples: [1] })),
    position: Type.Unknown({
      description: "How far it is, in the feed's own terms: next offsets of the source, or the last row that was sent",
      examples: [{ "sales.events.v1": { "0": "392", "1": "389", "2": "479" } }],
    }),
    published: Type.String({ description: "Records that were sent of this generation", examples: ["12"] }),
    lag: Type.String({ description: "Rows that are still to be sent", examples: ["0"] }),
    unaccounted: Type.String({
      description:
        "Rows up to the position that were never sent (below 0: sent without being there); 0 unless something is wrong",
      examples: ["0"],
    }),
    lastPublishedAt: Nullable(Instant),
    error: Nullable(Type.Object({ text: Type.String({ examples: ["Kafka does not answer"] }), since: Instant })),
    paused: Nullable(Type.Object({ by: Type.String({ examples: ["local"] }), since: Instant })),
    checkedAt: Nullable(Instant),
  },
  { title: "Publication", description: "Rows of a table that are sent on to a topic, each once" },
);

const publicationParams = Type.Object({
  name: Type.String({ description: "Name of a publication", examples: ["deadLetters"] }),
});

/** What is sent on to topics: `GET /publications`, `/publications/{name}`, `POST …/pause`, `…/resume`. */
export const publicationRoutes: FastifyPluginAsyncTypebox<{ publications: Publications }> = async (
  app,
  { publications },
) => {
  app.get(
    "/publications",
    {
      schema: {
        operationId: "listPublications",
        tags: ["platform"],
        summary: "What is sent on to topics, and how far",
        response: {
          200: Type.Object({ items: Type.Array(PublicationResource) }, { description: "All declared publications" }),
        },
      },
    },
    async () => ({ items: await publications.list() }),
  );

  app.get(
    "/publications/:name",
    {
      schema: {
        operationId: "getPublication",
        tags: ["platform"],
        summary: "One publication",
        params: publicationParams,
        response: { 200: PublicationResource },
      },
    },
    async (request) => publications.get(request.params.name),
  );

  app.post(
    "/publications/:name/pause",
    {
      config: { access: "operator" },
      schema: {
        operationId: "pausePublication",
        tags: ["platform"],
        summary: "Send nothing more, until it is resumed",
        description:
          "Holds over restarts. A page that is being sent is finished; what comes meanwhile is sent after the resume.",
        params: publicationParams,
        response: { 200: PublicationResource },
      },
    },
    async (request) => publications.pause(request.params.name, { by: actorOf(request), requestId: request.id }),
  );

  app.post(
    "/publications/:name/resume",
    {
      config: { access: "operator" },
      schema: {
        operationId: "resumePublication",
        tags: ["platform"],
        summary: "Go on where it was paused",
        params: publicationParams,
        response: { 200: PublicationResource },
      },
    },
    async (request) => publications.resume(request.params.name, { by: actorOf(request), requestId: request.id }),
  );
};
