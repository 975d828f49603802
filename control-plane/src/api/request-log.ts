import type { FastifyInstance } from "fastify";

/** A token does not belong into a URL; where somebody put it there all the same, it does not belong into the log. */
const SECRET = /pst_[\w-]+/g;

/** One line per request that changes something or fails; reading and the runners' heartbeats are for `debug`. */
export function registerRequestLog(app: FastifyInstance): void {
  app.addHook("onResponse", async (request, reply) => {
    const { method } = request;
    const url = request.url.replace(SECRET, "pst_…");
    const isQuiet = method === "GET" || method === "HEAD" || url.startsWith("/runner/");
    // /readyz answers 503 as long as something is missing: that is its work.
    const isTrouble = reply.statusCode >= 500 && url !== "/readyz";
    const level = isTrouble ? "warn" : isQuiet ? "debug" : "info";
    const line = {
      ...(request.caller === null ? {} : { by: request.caller.name }),
      method,
      url,
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
    };
    request.log[level](line, "request");
  });
}
