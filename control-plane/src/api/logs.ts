import { Readable } from "node:stream";
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import { invalidRequest } from "../domain/problem.ts";
import type { LogQuery } from "../services/log-search.ts";
import { type Logs, MOST_LINES } from "../services/logs.ts";
import { jobParams, Nullable } from "./lists.ts";

/** The ends of a dead driver's logs. */
export const LastWordsResource = Type.Object(
  {
    stdout: Type.Array(Type.String(), { description: "Its Python's", examples: [["MemoryError"]] }),
    stderr: Type.Array(Type.String(), { description: "Its JVM's", examples: [["ERROR Worker lost"]] }),
  },
  { description: "The ends of the logs of a driver that died; null while it lives, and where they were not to be had" },
);

const Position = (description: string, example: number) => Type.Integer({ description, examples: [example] });

const WorkerId = Type.String({
  description: "The worker that has it",
  examples: ["worker-20261121015607-127.0.0.1-7078"],
});

const LogResource = Type.Object(
  {
    job: Type.String({ examples: ["sales.gold"] }),
    launch: Type.String({
      description: "The submission of the application",
      examples: ["41d02ee3-2c9b-4b22-82cb-0ec5b8dc49c4"],
    }),
    source: Type.Enum(["driver", "executor"]),
    stream: Type.Enum(["stderr", "stdout"]),
    executor: Nullable(Type.String({ description: "Id of the executor", examples: ["0"] })),
    executors: Type.Array(
      Type.Object({ id: Type.String({ examples: ["0"] }), worker: WorkerId, running: Type.Boolean() }),
      {
        description: "The executors that workers know of, when an executor's log was asked for",
      },
    ),
    worker: WorkerId,
    size: Position("Bytes in all", 3292),
    from: Position("Byte at which the first line begins", 1112),
    to: Position("Byte after the last whole line: give it as `from` to read on", 3292),
    lines: Type.Array(Type.String({ examples: ["26/11/24 11:27:01 WARN Utils: the driver's words"] })),
  },
  { description: "Lines of a log" },
);

const logQuery = Type.Object(
  {
    source: Type.Enum(["driver", "executor"], { default: "driver", description: "Whose log" }),
    stream: Type.Enum(["stderr", "stdout"], {
      default: "stderr",
      description: "The JVM writes to stderr, the runner's Python to stdout",
    }),
    tail: Type.Integer({
      minimum: 0,
      maximum: MOST_LINES,
      default: 200,
      description: "At most this many lines, and at most 1 MB",
      examples: [200],
    }),
    from: Type.Optional(
      Type.Integer({ minimum: 0, description: "Read on from this byte instead of the last lines", examples: [3292] }),
    ),
    launch: Type.Optional(
      Type.String({ format: "uuid", description: "An older launch of the application; the newest when left out" }),
    ),
    executor: Type.Optional(
      Type.String({
        pattern: "^[0-9]{1,9}$",
        description: "Id of an executor; the newest when left out",
        examples: ["0"],
      }),
    ),
    format: Type.Optional(
      Type.Enum(["json", "text"], { description: "`text` is what `Accept: text/plain` gets as well" }),
    ),
    follow: Type.Boolean({
      default: false,
      description: "Go on as plain text with what is added, until the launch ends",
    }),
  },
  { additionalProperties: false },
);

/** `GET /jobs/{job}/logs`. */
export const logRoutes: FastifyPluginAsyncTypebox<{ logs: Logs }> = async (app, { logs }) => {
  app.get(
    "/jobs/:job/logs",
    {
      // A HEAD would follow for ever.
      exposeHeadRoute: false,
      schema: {
        operationId: "getLogs",
        tags: ["jobs"],
        summary: "The log of the driver or of an executor that a job runs in: its end, on from a byte, or as it grows",
        description: "Jobs of one application share a driver and its executors, and so their logs.",
        params: jobParams,
        querystring: logQuery,
        response: {
          200: {
            description: "Lines of a log",
            content: { "application/json": { schema: LogResource }, "text/plain": { schema: Type.String() } },
          },
        },
      },
    },
    async (request, reply) => {
      const { source, stream, launch, executor, tail, from, follow, format } = request.query;
      const query: LogQuery = { job: request.params.job, source, stream, launch, executor };
      if (executor !== undefined && source === "driver") {
        throw invalidRequest([{ field: "executor", value: executor, expected: "source=executor with it" }]);
      }
      reply.header("cache-control", "no-store");
      if (follow) {
        if (from !== undefined)
          throw invalidRequest([{ field: "from", value: from, expected: "no byte with follow=true" }]);
        const gone = new AbortController();
        reply.raw.once("close", () => gone.abort());
        // It may have left while its token was looked up.
        if (reply.raw.destroyed) gone.abort();
        const text = await logs.follow(query, tail, gone.signal);
        reply.type("text/plain; charset=utf-8").header("x-accel-buffering", "no");
        return reply.send(Readable.from(text, { objectMode: false }) as never);
      }
      const answer = await logs.read(query, tail, from);
      if (format === "json" || (format === undefined && !wantsText(request))) return reply.send(answer as never);
      reply.type("text/plain; charset=utf-8");
      return reply.send(answer.lines.map((line) => `${line}\n`).join("") as never);
    },
  );
};

function wantsText({ headers }: FastifyRequest): boolean {
  return /^text\/plain\b/.test(headers.accept ?? "");
}
