import { Readable } from "node:stream";
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { SERVICE_HEALTHS, SERVICE_STATES } from "../services/runtime/ports.ts";
import type { ServiceAction, StackServices } from "../services/runtime/stack-services.ts";
import { actorOf } from "./access.ts";
import { Instant, Nullable } from "./lists.ts";

const MOST_LINES = 10_000;

const ServiceResource = Type.Object(
  {
    name: Type.String({
      description: "Where a service runs several times, the second one is `spark-worker-2`",
      examples: ["kafka"],
    }),
    state: Type.Enum([...SERVICE_STATES], {
      description: "`failed`: it ended by itself, and nothing starts it again; `restarting`: somebody is about to",
    }),
    health: Nullable(Type.Enum([...SERVICE_HEALTHS])),
    reason: Nullable(
      Type.String({ description: "How it ended", examples: ["it needed more memory than its limit, and was killed"] }),
    ),
    restarts: Type.Integer({ description: "Starts that nobody asked for", examples: [0] }),
    image: Nullable(Type.String({ description: "Of its container; null for a process", examples: ["penstock/kafka"] })),
    startedAt: Nullable(Instant),
    uptimeSeconds: Nullable(Type.Integer({ examples: [3600] })),
    cpuPercent: Nullable(Type.Number({ description: "Of one core: 200 is two cores", examples: [3.5] })),
    memoryBytes: Nullable(Type.Integer({ examples: [412_000_000] })),
    memoryLimitBytes: Nullable(Type.Integer({ description: "Null where there is none", examples: [805_306_368] })),
  },
  { title: "Service", description: "A service of the stack: a container, or a process of this machine" },
);

const serviceParams = Type.Object({
  service: Type.String({ description: "Name of a service, as the list has it", examples: ["kafka"] }),
});

const logQuery = Type.Object(
  {
    tail: Type.Integer({
      minimum: 0,
      maximum: MOST_LINES,
      default: 200,
      description: "At most this many lines",
      examples: [200],
    }),
    follow: Type.Boolean({ default: false, description: "Go on as plain text with what is added" }),
  },
  { additionalProperties: false },
);

const ACTIONS: Readonly<Record<ServiceAction, { summary: string; description: string }>> = {
  start: { summary: "Start a service", description: "Does nothing where it runs." },
  stop: {
    summary: "Stop a service, until it is started",
    description: "What needs it says so: jobs wait, `/readyz` names it. The control plane itself is refused with 409.",
  },
  restart: {
    summary: "Stop a service and start it again",
    description: "The control plane itself answers first and ends then; whoever runs it starts it again.",
  },
};

/** The services of the stack: `GET /services`, `/services/{service}`, `…/logs`, `POST …/start`, `…/stop`, `…/restart`. */
export const serviceRoutes: FastifyPluginAsyncTypebox<{ stack: StackServices }> = async (app, { stack }) => {
  app.get(
    "/services",
    {
      schema: {
        operationId: "listServices",
        tags: ["platform"],
        summary: "The services of the stack: state, health, restarts, CPU, memory",
        response: {
          200: Type.Object(
            {
              runtime: Type.Enum(["docker", "local"], { description: "Who runs them" }),
              items: Type.Array(ServiceResource),
            },
            { description: "By name" },
          ),
        },
      },
    },
    async () => stack.list(),
  );

  app.get(
    "/services/:service",
    {
      schema: {
        operationId: "getService",
        tags: ["platform"],
        summary: "One service",
        params: serviceParams,
        response: { 200: ServiceResource },
      },
    },
    async (request) => stack.get(request.params.service),
  );

  app.get(
    "/services/:service/logs",
    {
      // A HEAD would follow for ever.
      exposeHeadRoute: false,
      schema: {
        operationId: "getServiceLogs",
        tags: ["platform"],
        summary: "What a service printed: the end of it, or as it grows",
        params: serviceParams,
        querystring: logQuery,
        response: {
          200: {
            description: "Lines of a log",
            content: {
              "application/json": {
                schema: Type.Object({
                  service: Type.String({ examples: ["kafka"] }),
                  lines: Type.Array(Type.String({ examples: ["INFO KafkaRaftServer: Kafka Server started"] })),
                }),
              },
              "text/plain": { schema: Type.String() },
            },
          },
        },
      },
    },
    async (request, reply) => {
      const { service } = request.params;
      const { tail, follow } = request.query;
      reply.header("cache-control", "no-store");
      if (!follow) return reply.send({ service, lines: await stack.logs(service, tail) } as never);
      const gone = new AbortController();
      reply.raw.once("close", () => gone.abort());
      // It may have left while its token was looked up.
      if (reply.raw.destroyed) gone.abort();
      const text = await stack.follow(service, tail, gone.signal);
      reply.type("text/plain; charset=utf-8").header("x-accel-buffering", "no");
      return reply.send(Readable.from(text, { objectMode: false }) as never);
    },
  );

  for (const action of ["start", "stop", "restart"] as const) {
    app.post(
      `/services/:service/${action}`,
      {
        config: { access: "operator" },
        schema: {
          operationId: `${action}Service`,
          tags: ["platform"],
          ...ACTIONS[action],
          params: serviceParams,
          response: { 200: ServiceResource },
        },
      },
      async (request) => stack.act(request.params.service, action, { by: actorOf(request), requestId: request.id }),
    );
  }
};
