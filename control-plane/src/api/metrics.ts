import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { Metrics } from "../services/metrics.ts";

/** Counts every request, and answers `GET /metrics`. Has to be registered before the routes that it counts. */
export function registerMetrics(app: FastifyInstance, metrics: Metrics): void {
  app.addHook("onResponse", async (request, reply) => {
    // A stream lasts as long as its client likes: that is no duration of ours.
    if (String(reply.getHeader("content-type") ?? "").startsWith("text/event-stream")) return;
    const route = request.routeOptions.url ?? "unknown";
    metrics.request(request.method, route, reply.statusCode, reply.elapsedTime / 1000);
  });

  app.get(
    "/metrics",
    {
      schema: {
        operationId: "getMetrics",
        tags: ["health"],
        summary: "Metrics for Prometheus",
        description: "What cannot be told because Kafka or Postgres is away is left out; `penstock_up` says so.",
        response: {
          200: {
            description: "Prometheus' text format",
            content: { "text/plain": { schema: Type.String() } },
          },
        },
      },
    },
    async (_request, reply) => {
      const { contentType, text } = await metrics.page();
      return reply.type(contentType).send(text as never);
    },
  );
}
