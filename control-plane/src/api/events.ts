import { Readable } from "node:stream";
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { type Static, Type } from "typebox";
import { EVENT_TYPES, type JournalEvent } from "../domain/event.ts";
import { readCursor, writeCursor } from "../services/cursor.ts";
import { type EventFeed, type FeedItem, readFilter } from "../services/event-feed.ts";
import { Instant, listQuery, pageOf } from "./lists.ts";

const ID_PATTERN = "^(0|[1-9][0-9]{0,17})$";
const RECONNECT_MS = 1_000;

const EventResource = Type.Object(
  {
    id: Type.String({ description: "Grows, with holes", examples: ["4711"] }),
    at: Instant,
    type: Type.Enum([...EVENT_TYPES]),
    subjects: Type.Array(Type.String(), {
      description: "What it is about: a job, an application, an operation, a launch, a service",
      examples: [["sales.gold"]],
    }),
    data: Type.Record(Type.String(), Type.Unknown(), {
      examples: [{ from: "STARTING", to: "RUNNING", reason: null, rule: "running" }],
    }),
  },
  { title: "Event", description: "Something that happened" },
);

const filterQuery = {
  type: Type.Optional(
    Type.String({
      description: `Only these types, with commas: ${EVENT_TYPES.join(", ")}`,
      examples: ["job.state,operation.ended"],
    }),
  ),
  subject: Type.Optional(
    Type.String({
      description: "Only events about these jobs, applications, operations or launches, with commas",
      examples: ["sales.gold"],
    }),
  ),
};

const streamQuery = Type.Object(
  {
    ...filterQuery,
    after: Type.Optional(
      Type.String({
        pattern: ID_PATTERN,
        description: "Begin after this event; `0` for everything that is kept. The header Last-Event-ID wins",
        examples: ["4711"],
      }),
    ),
  },
  { additionalProperties: false },
);

const streamHeaders = Type.Object({
  "last-event-id": Type.Optional(
    Type.String({ pattern: ID_PATTERN, description: "Begin after this event: what a browser sends by itself" }),
  ),
});

/** What happens, as it happens: `GET /events` (server-sent events), `GET /events/history`. */
export const eventRoutes: FastifyPluginAsyncTypebox<{ feed: EventFeed }> = async (app, { feed }) => {
  app.get(
    "/events",
    {
      // A HEAD would follow for ever.
      exposeHeadRoute: false,
      schema: {
        operationId: "followEvents",
        tags: ["events"],
        summary: "Follow what happens (server-sent events)",
        description:
          "Begins now, or after `Last-Event-ID`, without gaps or doubles. `event: gap` says that events in between are no longer " +
          "kept: read the resources again. A comment every 15 s shows that the stream lives.",
        querystring: streamQuery,
        headers: streamHeaders,
        response: {
          200: {
            description: "`id` the event's id, `event` its type, `data` the event as JSON",
            content: { "text/event-stream": { schema: Type.String() } },
          },
        },
      },
    },
    async (request, reply) => {
      const { type, subject, after } = request.query;
      const from = request.headers["last-event-id"] ?? after;
      const gone = new AbortController();
      reply.raw.once("close", () => gone.abort());
      // It may have left while its token was looked up.
      if (reply.raw.destroyed) gone.abort();
      const position = from === undefined ? null : BigInt(from);
      const items = await feed.follow(readFilter(type, subject), position, gone.signal);
      // A connection on which nothing could be written for some heartbeats has a reader who does not read.
      request.raw.socket.setTimeout(feed.times.heartbeatMs * 4);
      reply
        .type("text/event-stream; charset=utf-8")
        .headers({ "cache-control": "no-store", "x-accel-buffering": "no" });
      return reply.send(Readable.from(toText(items), { objectMode: false }) as never);
    },
  );

  app.get(
    "/events/history",
    {
      schema: {
        operationId: "listEvents",
        tags: ["events"],
        summary: "What happened, newest first",
        description: "The last 20,000 batches and 50,000 other events are kept.",
        querystring: Type.Object({ ...filterQuery, ...listQuery }, { additionalProperties: false }),
        response: {
          200: pageOf(EventResource, "A page of events"),
        },
      },
    },
    async (request) => {
      const { type, subject, limit, cursor } = request.query;
      const before = readCursor("events", ["bigint"], cursor)?.[0];
      const rows = await feed.history(readFilter(type, subject), limit, before === undefined ? null : BigInt(before));
      const last = rows.length === limit ? rows.at(-1) : undefined;
      return {
        items: rows.map(toResource),
        nextCursor: last === undefined ? null : writeCursor("events", [String(last.id)]),
      };
    },
  );
};

/** Server-sent events as the HTML standard has them. An id without data moves a client's position and shows nothing. */
async function* toText(items: AsyncGenerator<FeedItem>): AsyncGenerator<string> {
  yield `retry: ${RECONNECT_MS}\n\n`;
  for await (const item of items) {
    if (item.kind === "position") {
      yield `: still here\nid: ${item.id}\n\n`;
    } else if (item.kind === "gap") {
      const { after, through, reason } = item;
      yield `event: gap\ndata: ${JSON.stringify({ after: String(after), through: String(through), reason })}\n\n`;
    } else {
      const { event } = item;
      yield `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(toResource(event))}\n\n`;
    }
  }
}

function toResource({ id, at, type, subjects, data }: JournalEvent): Static<typeof EventResource> {
  return { id: String(id), at: at.toISOString(), type, subjects, data };
}
