import type { FastifyInstance, FastifyRequest, RouteOptions } from "fastify";
import { type Caller, LOCAL_CALLER, permits, type Role } from "../domain/access.ts";
import { Problem } from "../domain/problem.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** who sent it; null on routes that are open to everybody */
    caller: Caller | null;
  }
  interface FastifyContextConfig {
    /**
     * What a caller needs: a role, or nothing. Reading needs `viewer` unless the route says otherwise;
     * every route that changes something has to say.
     */
    access?: Role | "open";
  }
}

/** Routes of plugins that cannot say it themselves, and the runners' channel, which has a secret of its own. */
const OPEN = /^\/(docs(\/.*)?|runner\/.*)?$/;
const READING = ["GET", "HEAD", "OPTIONS"];

/**
 * Finds out who is asking, and refuses what their role does not allow. Has to be registered before the routes:
 * one that does not say what it needs stops the start.
 */
export function registerAccess(app: FastifyInstance): void {
  app.decorateRequest("caller", null);

  app.addHook("onRoute", (route) => {
    route.config = { ...route.config, access: route.config?.access ?? standardAccess(route) };
  });

  app.addHook("onRequest", async (request) => {
    const needed = request.routeOptions.config.access ?? "open";
    if (needed === "open") return;
    request.caller = LOCAL_CALLER;
    requireRole(request, needed);
  });
}

/** Name of whoever sent a request, as the audit log has it. */
export function actorOf(request: FastifyRequest): string {
  return callerOf(request).name;
}

/**
 * For what needs a higher role than the rest of its route.
 * @throws Problem `forbidden`
 */
export function requireRole(request: FastifyRequest, needed: Role): void {
  const { name, role } = callerOf(request);
  if (permits(role, needed)) return;
  throw new Problem({
    status: 403,
    code: "forbidden",
    title: "Your role does not allow this",
    detail: `This needs the role ${needed}; ${name} is ${role}.`,
    next: `Use a token with the role ${needed}; an admin makes one with POST /v1/tokens.`,
  });
}

function callerOf(request: FastifyRequest): Caller {
  if (request.caller === null) throw new Error(`${request.url} is open: nobody knows who is asking`);
  return request.caller;
}

function standardAccess(route: RouteOptions): Role | "open" {
  if (OPEN.test(route.url)) return "open";
  if ([route.method].flat().every((method) => READING.includes(method))) return "viewer";
  throw new Error(
    `${route.method} ${route.url} does not say which role it needs: add config: { access: "operator" } or another role`,
  );
}
