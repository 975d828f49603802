import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import fastify, { type FastifyInstance } from "fastify";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createJournal } from "../../src/adapters/postgres/journal.ts";
import { eventRoutes } from "../../src/api/events.ts";
import { dependencyUnavailable } from "../../src/domain/problem.ts";
import { EventFeed } from "../../src/services/event-feed.ts";
import type { Journal } from "../../src/services/journal.ts";
import { openTestDatabase, type TestDatabase } from "../fixtures/database.ts";
import { EventStream } from "../fixtures/event-stream.ts";

const HEARTBEAT_MS = 100;

let opened: TestDatabase;
let journal: Journal;
let isAway = false;
let pages = 0;
let feed: EventFeed;
let app: FastifyInstance;

beforeAll(async () => {
  opened = await openTestDatabase();
  journal = createJournal(opened.database);
}, 60_000);

afterAll(async () => {
  await opened?.close();
});

/** The real journal, which sometimes cannot be reached. */
function unsteady(): Journal {
  const reach = <T>(work: () => Promise<T>) =>
    isAway ? Promise.reject(dependencyUnavailable("Postgres", "it is away")) : work();
  return {
    ...journal,
    after: (...of) => {
      pages += 1;
      return reach(() => journal.after(...of));
    },
    newest: () => reach(() => journal.newest()),
  };
}

beforeEach(async () => {
  feed = new EventFeed(unsteady(), pino({ level: "silent" }), { lookMs: 20, heartbeatMs: HEARTBEAT_MS });
  app = fastify({ forceCloseConnections: true });
  await app.register(eventRoutes, { feed });
  await app.listen({ host: "127.0.0.1", port: 0 });
});

afterEach(() => app.close());

async function until(holds: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    if (holds()) return;
    await delay(20);
  }
  throw new Error(`did not happen: ${holds}`);
}

const record = (subject: string) => journal.record({ type: "job.state", subjects: [subject], data: {} });

describe("an event stream", { timeout: 30_000 }, () => {
  it("shows that it lives, and moves its position past events that the filter leaves out", async () => {
    const stream = new EventStream(app, "/events?subject=wanted");
    await until(() => stream.comments >= 3);
    for (let number = 0; number < 3; number += 1) await record("unwanted");
    const newest = String(await journal.newest());
    await until(() => stream.lastEventId === newest);
    expect(stream.messages).toEqual([]);
    stream.close();
    await until(() => feed.following === 0);
  });

  it("outlives an absence of Postgres and misses nothing", async () => {
    const stream = new EventStream(app, "/events?subject=wanted");
    await until(() => stream.comments >= 1);
    isAway = true;
    await record("wanted");
    const comments = stream.comments;
    await until(() => stream.comments > comments + 1);
    expect(stream.messages).toEqual([]);
    isAway = false;
    await record("wanted");
    await until(() => stream.messages.length === 2);
    stream.close();
  });

  it("drops a client that does not read, and keeps nothing for it", async () => {
    await opened.database.query(
      `INSERT INTO events (type, subjects, data)
       SELECT 'job.state', ARRAY['fat'], jsonb_build_object('text', repeat('x', 4000)) FROM generate_series(1, 8000)`,
    );
    const { port } = app.server.address() as { port: number };
    const socket: Socket = connect({ host: "127.0.0.1", port });
    await once(socket, "connect");
    socket.pause();
    pages = 0;
    socket.write("GET /events?after=0 HTTP/1.1\r\nhost: localhost\r\n\r\n");
    await until(() => feed.following === 1);
    await until(() => feed.following === 0);
    // Of 40 pages, no more were read than the operating system took into its buffers.
    expect(pages).toBeGreaterThan(0);
    expect(pages).toBeLessThan(30);
    socket.destroy();
  });
});
