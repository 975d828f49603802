import type { FastifyInstance } from "fastify";

/** One line per request that changes something or fails; reading and the runners' heartbeats are for `debug`. */
export function registerRequestLog(app: FastifyInstance): void {
  app.addHook("onResponse", async (request, reply) => {
    const { method, url, id } = request;
    const isQuiet = method === "GET" || method === "HEAD" || url.startsWith("/runner/");
    // /readyz answers 503 as long as something is missing: that is its work.
    const isTrouble = reply.statusCode >= 500 && url !== "/readyz";
    const level = isTrouble ? "warn" : isQuiet ? "debug" : "info";
    const line = { requestId: id, method, url, status: reply.statusCode, ms: Math.round(reply.elapsedTime) };
    request.log[level](line, "request");
  });
}
