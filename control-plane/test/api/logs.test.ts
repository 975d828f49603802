import { get as request } from "node:http";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { HOST, startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";
import { type ScriptedWorker, startWorker } from "../fixtures/spark-worker.ts";

const NEW = "11111111-1111-4111-8111-111111111111";
const OLD = "22222222-2222-4222-8222-222222222222";

let running: TestControlPlane;
let worker: ScriptedWorker;
let database: pg.Client;
let address: string;

beforeAll(async () => {
  running = await startControlPlane();
  worker = await startWorker();
  running.master.workers = [{ id: "worker-1", host: "w", webuiaddress: worker.url, state: "ALIVE" }];
  database = new pg.Client(running.databaseUrl);
  await database.connect();
  await database.query(
    `INSERT INTO launches (id, application, recorded_at, submission_id, spark_app_id, ended_at) VALUES
     ($1, 'sales', now() - interval '1 hour', 'driver-1', 'app-1', now()), ($2, 'sales', now(), 'driver-2', 'app-2', NULL)`,
    [OLD, NEW],
  );
  address = await running.controlPlane.app.listen({ host: "127.0.0.1", port: 0 });
}, 60_000);

beforeEach(() => {
  worker.logs.clear();
  worker.executors = [];
});

afterAll(async () => {
  await database?.end();
  await running?.stop();
  await worker?.stop();
});

async function get(query: string, headers: Record<string, string> = {}) {
  const url = `/v1/jobs/sales.gold/logs${query}`;
  const response = await running.controlPlane.app.inject({ url, headers: { host: HOST, ...headers } });
  return {
    status: response.statusCode,
    type: response.headers["content-type"],
    text: response.body,
    body: json(response.body),
  };
}

function json(text: string) {
  return text.startsWith("{") ? JSON.parse(text) : undefined;
}

const numbered = (count: number) => Buffer.from(Array.from({ length: count }, (_, at) => `line ${at}\n`).join(""));

describe("a log", () => {
  it("is read from its end, with the bytes that the lines cover", async () => {
    worker.logs.set("driver-2/stderr", Buffer.from("one\ntwo\nthree\n"));
    const { body } = await get("?tail=2");
    expect(body).toEqual({
      job: "sales.gold",
      launch: NEW,
      source: "driver",
      stream: "stderr",
      executor: null,
      executors: [],
      worker: "worker-1",
      size: 14,
      from: 4,
      to: 14,
      lines: ["two", "three"],
    });
  });

  it("is read on from a byte", async () => {
    worker.logs.set("driver-2/stdout", Buffer.from("one\ntwo\nthr"));
    const { body } = await get("?stream=stdout&from=4");
    expect(body).toMatchObject({ from: 4, to: 8, size: 11, lines: ["two"] });
  });

  it("may be long: as many lines as asked for, from as far back as a megabyte reaches", async () => {
    worker.logs.set("driver-2/stderr", numbered(200_000));
    const { body } = await get("?tail=10000");
    expect(body.lines).toHaveLength(10_000);
    expect(body.lines.at(-1)).toBe("line 199999");
    expect((await get("?tail=10001")).status).toBe(400);
  });

  it("is plain text for whoever asks for that", async () => {
    worker.logs.set("driver-2/stderr", Buffer.from("one\ntwo\n"));
    for (const [query, headers] of [
      ["?format=text", {}],
      ["", { accept: "text/plain" }],
    ] as const) {
      const { type, text } = await get(query, headers);
      expect(type).toMatch(/^text\/plain/);
      expect(text).toBe("one\ntwo\n");
    }
    expect((await get("?format=json", { accept: "text/plain" })).body.lines).toEqual(["one", "two"]);
  });

  it("of an older launch is read while a worker has it", async () => {
    worker.logs.set("driver-1/stderr", Buffer.from("old\n"));
    expect((await get(`?launch=${OLD}`)).body).toMatchObject({ launch: OLD, lines: ["old"] });
  });

  it("of an executor is that of the newest, unless another is asked for", async () => {
    worker.executors = [
      { id: 0, appid: "app-2" },
      { id: 1, appid: "app-2" },
      { id: 7, appid: "app-1" },
    ];
    for (const id of [0, 1]) worker.logs.set(`app-2/${id}/stderr`, Buffer.from(`executor ${id}\n`));
    const { body } = await get("?source=executor");
    expect(body).toMatchObject({ executor: "1", lines: ["executor 1"] });
    expect(body.executors.map(({ id }: { id: string }) => id)).toEqual(["0", "1"]);
    expect((await get("?source=executor&executor=0")).body.lines).toEqual(["executor 0"]);
  });
});

describe("a log that cannot be read", () => {
  it.each([
    ["is gone", "", 404, "log_gone", /No worker has the logs of driver driver-2 any more.*two days/],
    ["is that of an executor that was never there", "?source=executor", 404, "log_gone", /executors it knows of: none/],
    [
      "is that of a launch that there is not",
      "?launch=6f9619ff-8b86-4011-b42d-00cf4fc964ff",
      404,
      "unknown_launch",
      new RegExp(`${NEW}, ${OLD}`),
    ],
    ["is asked for by a launch id that is none", "?launch=7", 400, "invalid_request", /launch/],
    ["is asked for by an executor of the driver", "?executor=0", 400, "invalid_request", /source=executor/],
    ["is asked for by another stream", "?stream=stdin", 400, "invalid_request", /stderr, stdout/],
    ["is to be followed from a byte", "?follow=true&from=3", 400, "invalid_request", /from/],
  ])("%s: a problem that says what to do", async (_, query, status, code, text) => {
    const answer = await get(query);
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code });
    expect(`${answer.body.detail} ${answer.body.next}`).toMatch(text);
  });

  it("because the worker is away is a dependency that is away", async () => {
    const { workers } = running.master;
    running.master.workers = [{ id: "worker-1", host: "w", webuiaddress: "http://127.0.0.1:1", state: "ALIVE" }];
    try {
      expect(await get("")).toMatchObject({ status: 503, body: { code: "dependency_unavailable" } });
    } finally {
      running.master.workers = workers;
    }
  });
});

describe("a log that is followed", () => {
  /** Text as it comes; `next` waits until a text has come. */
  function follow(query = "") {
    let text = "";
    let ended = false;
    let wake = () => {};
    const target = new URL(`/v1/jobs/sales.gold/logs?follow=true&tail=1${query}`, address);
    const call = request(target, { headers: { host: HOST } }, (response) => {
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        wake();
      });
      response.once("end", () => {
        ended = true;
        wake();
      });
    });
    call.on("error", () => undefined);
    return {
      close: () => call.destroy(),
      async until(check: (text: string, ended: boolean) => boolean) {
        while (!check(text, ended)) await new Promise<void>((resolve) => (wake = resolve));
        return text;
      },
    };
  }

  it("comes line by line, never in part, and ends with its launch", async () => {
    worker.logs.set("driver-2/stderr", Buffer.from("before\nstart\nun"));
    const stream = follow();
    await stream.until((text) => text !== "");
    worker.logs.set("driver-2/stderr", Buffer.from("before\nstart\nunfinished\nnext\nlast words"));
    await stream.until((text) => text.includes("next"));
    await database.query("UPDATE launches SET ended_at = now() WHERE id = $1", [NEW]);
    const text = await stream.until((_, ended) => ended);
    await database.query("UPDATE launches SET ended_at = NULL WHERE id = $1", [NEW]);
    expect(text).toBe("start\nunfinished\nnext\nlast words\n");
  });

  it("is followed by a few at a time; one who leaves makes room", async () => {
    worker.logs.set("driver-2/stderr", Buffer.from("here\n"));
    const streams = Array.from({ length: 16 }, () => follow());
    await Promise.all(streams.map((stream) => stream.until((text) => text === "here\n")));
    expect(await get("?follow=true")).toMatchObject({ status: 503, body: { code: "too_many_streams" } });
    for (const stream of streams) stream.close();
    let another = follow();
    // The server hears of a connection's end a moment later.
    for (;;) {
      const text = await another.until((come, ended) => come !== "" || ended);
      if (text === "here\n") break;
      another.close();
      another = follow();
    }
    another.close();
  });
});
