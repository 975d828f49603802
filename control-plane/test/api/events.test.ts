import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Database } from "../../src/adapters/postgres/database.ts";
import { createJournal } from "../../src/adapters/postgres/journal.ts";
import type { NewEvent } from "../../src/domain/event.ts";
import { HOST, startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";
import { EventStream } from "../fixtures/event-stream.ts";

let running: TestControlPlane;
let database: Database;
const streams: EventStream[] = [];

beforeAll(async () => {
  running = await startControlPlane();
  await running.controlPlane.app.listen({ host: "127.0.0.1", port: 0 });
  database = running.database;
}, 60_000);

afterEach(async () => {
  for (const stream of streams.splice(0)) stream.close();
});

afterAll(async () => {
  await running?.stop();
});

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    if (await holds()) return;
    await delay(20);
  }
  throw new Error(`did not happen: ${holds}; streams: ${JSON.stringify(streams.map(({ messages }) => messages))}`);
}

/** Opens a stream and waits until it follows. */
async function follow(path: string, headers: Record<string, string> = {}): Promise<EventStream> {
  const stream = new EventStream(running.controlPlane.app, path, headers);
  streams.push(stream);
  await until(() => stream.lastEventId !== "" || (stream.response !== null && stream.response.statusCode !== 200));
  return stream;
}

async function get(url: string, headers: Record<string, string> = {}) {
  return running.controlPlane.app.inject({ method: "GET", url, headers: { host: HOST, ...headers } });
}

/** Stopping and starting jobs that do not run leaves events without a runner. */
async function act(job: string, action: "start" | "stop"): Promise<string> {
  const url = `/v1/jobs/${job}/${action}`;
  return (await running.controlPlane.app.inject({ method: "POST", url, headers: { host: HOST } })).json().id;
}

const record = (event: NewEvent) => createJournal(database).record(event);
const numbered = (number: number): NewEvent => ({ type: "job.state", subjects: ["n"], data: { number } });

describe("GET /v1/events", { timeout: 30_000 }, () => {
  it("tells what happens as server-sent events, the resource as JSON", async () => {
    const stream = await follow("/v1/events");
    expect(stream.response?.headers["content-type"]).toMatch(/^text\/event-stream/);
    expect(stream.response?.headers["cache-control"]).toBe("no-store");
    const id = await act("sales.gold", "start");
    await until(() => stream.messages.length === 1);
    expect(stream.messages[0]).toMatchObject({
      event: "operation.step",
      data: {
        type: "operation.step",
        subjects: ["sales.gold", id],
        data: { operation: id, kind: "start", state: "running", step: "requested: start", requestedBy: "local" },
      },
    });
    expect(stream.messages[0]?.data.id).toBe(stream.messages[0]?.id);
    await act("sales.gold", "stop");
    await until(() => stream.messages.length === 3);
    expect(stream.messages[1]).toMatchObject({ event: "operation.ended", data: { data: { state: "superseded" } } });
  });

  it("keeps to the types and subjects that were asked for", async () => {
    const stream = await follow("/v1/events?type=operation.step,operation.ended&subject=sales.dq");
    await act("sales.gold", "start");
    const id = await act("sales.dq", "start");
    await record({ type: "run.closed", subjects: ["sales.dq"], data: {} });
    const last = await act("sales.dq", "stop");
    await until(() => stream.messages.length === 3);
    expect(stream.messages.map(({ data }) => (data.subjects as string[])[1])).toEqual([id, id, last]);
  });

  it("goes on after Last-Event-ID without gaps or doubles, across connections and a restart", async () => {
    const first = await follow("/v1/events?subject=n");
    for (let number = 0; number < 300; number += 1) await record(numbered(number));
    await until(() => first.messages.length >= 100);
    first.close();
    const seen = [...first.messages];
    await running.restart();
    for (let number = 300; number < 320; number += 1) await record(numbered(number));
    await running.controlPlane.app.listen({ host: "127.0.0.1", port: 0 });
    // The header wins over the URL, which stays what it was when a browser connects again.
    const second = await follow("/v1/events?subject=n&after=0", { "last-event-id": seen.at(-1)?.id ?? "" });
    await record(numbered(320));
    await until(() => seen.length + second.messages.length >= 321);
    const numbers = [...seen, ...second.messages].map(({ data }) => (data.data as { number: number }).number);
    expect(numbers).toEqual(Array.from({ length: 321 }, (_, number) => number));
  });

  it("ends its streams when the control plane stops", async () => {
    const stream = await follow("/v1/events");
    await running.restart();
    await running.controlPlane.app.listen({ host: "127.0.0.1", port: 0 });
    await until(() => stream.ended);
    expect(stream.response?.complete).toBe(true);
  });

  it("says when events in between are no longer kept, and tells the rest", async () => {
    await record(numbered(1));
    const from = await createJournal(database).newest();
    for (let number = 2; number < 6; number += 1) await record(numbered(number));
    await createJournal(database).prune({ batches: 0, others: 2 });
    const stream = await follow("/v1/events", { "last-event-id": String(from) });
    await until(() => stream.messages.length === 3);
    expect(stream.messages.map(({ event, data }) => [event, data.after ?? (data.data as object)])).toEqual([
      ["gap", String(from)],
      ["job.state", { number: 4 }],
      ["job.state", { number: 5 }],
    ]);
    const stranger = await follow("/v1/events?after=999999999");
    await until(() => stranger.messages.length === 1);
    expect(stranger.messages[0]).toMatchObject({ event: "gap", data: { after: "999999999" } });
    await record(numbered(6));
    await until(() => stranger.messages.length === 2);
  });

  it.each([
    ["a Last-Event-ID that is none", "/v1/events", { "last-event-id": "abc" }, /last-event-id/],
    ["an `after` that is none", "/v1/events?after=-1", {}, /after/],
    ["an unknown type", "/v1/events?type=job.stat", {}, /type: expected some of job\.state/],
    ["an unknown parameter", "/v1/events?types=job.state", {}, /types: expected no such query parameter/],
    ["a cursor that is none", "/v1/events/history?cursor=x", {}, /cursor/],
  ])("refuses %s", async (_, url, headers, text) => {
    const response = await get(url, headers as unknown as Record<string, string>);
    expect(response.statusCode).toBe(400);
    expect(response.json().code).toBe("invalid_request");
    expect(response.json().detail).toMatch(text);
  });

  it("has room for a limited number of clients, and gives the room of those that left to others", async () => {
    const many = await Promise.all(Array.from({ length: 32 }, () => follow("/v1/events")));
    const refused = await get("/v1/events");
    expect(refused.statusCode).toBe(503);
    expect(refused.json()).toMatchObject({
      code: "too_many_streams",
      next: expect.stringContaining("/v1/events/history"),
    });
    many[0]?.close();
    await until(async () => (await follow("/v1/events")).response?.statusCode === 200);
  });
});

describe("GET /v1/events/history", () => {
  it("lists events newest first, page by page", async () => {
    for (let number = 0; number < 5; number += 1) await record({ ...numbered(number), subjects: ["pages"] });
    const numbers: number[] = [];
    let url: string | null = "/v1/events/history?type=job.state&subject=pages&limit=2";
    while (url !== null) {
      const { items, nextCursor }: { items: { data: { number: number } }[]; nextCursor: string | null } = (
        await get(url)
      ).json();
      numbers.push(...items.map((item) => item.data.number));
      url = nextCursor === null ? null : `/v1/events/history?type=job.state&subject=pages&limit=2&cursor=${nextCursor}`;
    }
    expect(numbers).toEqual([4, 3, 2, 1, 0]);
  });
});
