import helmet from "@fastify/helmet";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { Problem } from "../domain/problem.ts";

export interface SecurityOptions {
  port: number;
  /** further values of the Host header, `host:port` or `host` where the port is the scheme's */
  allowedHosts: string[];
}

const LOOPBACK_NAMES = ["127.0.0.1", "localhost", "[::1]"];
const READING = ["GET", "HEAD", "OPTIONS"];

/**
 * Keeps web pages of other origins from driving this API: a page can make a browser send requests here (Origin,
 * Sec-Fetch-Site tell), and a name that is made to point here can even read the answers (Host tells).
 */
export async function registerSecurity(app: FastifyInstance, options: SecurityOptions): Promise<void> {
  const hosts = new Set([
    ...LOOPBACK_NAMES.map((name) => `${name}:${options.port}`),
    ...options.allowedHosts.map((host) => host.toLowerCase()),
  ]);

  // The pages below /docs bring their own policy.
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { "default-src": ["'none'"], "frame-ancestors": ["'none'"] },
    },
    xFrameOptions: { action: "deny" },
    // This server speaks HTTP; whoever puts TLS before it decides for the whole name.
    strictTransportSecurity: false,
  });

  app.addHook("onRequest", async (request, reply) => {
    reply.header("x-request-id", request.id);
    check(request, new Set([...hosts, ...arrivalHosts(request, options.port)]));
  });
}

/** The address that a request came in at, as a Host header: a name that was made to point here is never one. */
function arrivalHosts(request: FastifyRequest, port: number): string[] {
  const address = request.socket.localAddress?.replace(/^::ffff:/, "");
  if (address === undefined) return [];
  return [`${address.includes(":") ? `[${address}]` : address}:${port}`];
}

function check(request: FastifyRequest, hosts: Set<string>): void {
  const { host = "", origin, "sec-fetch-site": site } = request.headers;
  if (!hosts.has(host.toLowerCase())) {
    throw refused(
      `The Host header is ${JSON.stringify(host)}; answered are ${[...hosts].join(", ")}.`,
      "Use one of these addresses, or list another one in PENSTOCK_ALLOWED_HOSTS.",
    );
  }
  if (origin !== undefined && !hosts.has(origin.toLowerCase().replace(/^https?:\/\//, ""))) {
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
