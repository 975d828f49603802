import type { FastifyInstance, FastifyRequest } from "fastify";
import { Problem } from "../domain/problem.ts";

export interface SecurityOptions {
  port: number;
  /** further values of the Host header, `host:port` */
  allowedHosts: string[];
}

const LOOPBACK_NAMES = ["127.0.0.1", "localhost", "[::1]"];
const READING = ["GET", "HEAD", "OPTIONS"];

const HEADERS = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
} as const;

/**
 * Keeps web pages of other origins from driving the API of a machine's own loopback: a page can make a browser send
 * requests here (Origin, Sec-Fetch-Site tell), and a name that is made to point here can even read the answers (Host tells).
 */
export function registerSecurity(app: FastifyInstance, options: SecurityOptions): void {
  const hosts = new Set([...LOOPBACK_NAMES.map((name) => `${name}:${options.port}`), ...options.allowedHosts]);
  const origins = new Set([...hosts].flatMap((host) => [`http://${host}`, `https://${host}`]));

  app.addHook("onRequest", async (request, reply) => {
    reply.headers(HEADERS);
    reply.header("x-request-id", request.id);
    check(request, hosts, origins);
  });

  app.addHook("onSend", async (_request, reply) => {
    // The pages below /docs bring their own policy.
    if (!reply.hasHeader("content-security-policy")) {
      reply.header("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
    }
  });
}

function check(request: FastifyRequest, hosts: Set<string>, origins: Set<string>): void {
  const { host = "", origin, "sec-fetch-site": site } = request.headers;
  if (!hosts.has(host.toLowerCase())) {
    throw refused(
      `The Host header is ${JSON.stringify(host)}; answered are ${[...hosts].join(", ")}.`,
      "Use one of these addresses, or list another one in PENSTOCK_ALLOWED_HOSTS.",
    );
  }
  if (origin !== undefined && !origins.has(origin.toLowerCase())) {
    throw refused(`A page of ${JSON.stringify(origin)} may not call this API.`);
  }
  if (site === "cross-site" && !READING.includes(request.method)) {
    throw refused("A page of another site may not change anything here.");
  }
}

function refused(detail: string, next?: string): Problem {
  return new Problem({
    status: 403,
    code: "forbidden_origin",
    title: "This request comes from elsewhere",
    detail,
    ...(next === undefined ? {} : { next }),
  });
}
