import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from "fastify";
import { type AccessMode, type Caller, LOCAL_CALLER, permits, type Role } from "../domain/access.ts";
import { Problem } from "../domain/problem.ts";
import type { Tokens } from "../services/tokens.ts";
import { createRateLimits, type RateLimitOptions, type RateLimits } from "./rate-limits.ts";

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

export interface AccessOptions {
  mode: AccessMode;
  rateLimits: RateLimitOptions;
  /** how often the token of an answer that goes on for long is looked at again; 10 s unless given */
  lookAgainMs?: number;
}

/** Routes of plugins that cannot say it themselves, and the runners' channel, which has a secret of its own. */
const OPEN = /^\/(docs(\/.*)?|runner\/.*)?$/;
const LOOK_AGAIN_MS = 10_000;
const READING = ["GET", "HEAD", "OPTIONS"];
const NEXT =
  "Send Authorization: Bearer with a token. `npm run token` shows the first admin's, POST /v1/tokens makes more.";

/**
 * Finds out who is asking, and refuses what their role does not allow and what is too much. Has to be registered
 * before the routes: one that does not say what it needs stops the start.
 */
export async function registerAccess(
  app: FastifyInstance,
  tokens: Pick<Tokens, "identify">,
  { mode, rateLimits, lookAgainMs = LOOK_AGAIN_MS }: AccessOptions,
): Promise<void> {
  const limits = await createRateLimits(app, rateLimits);
  app.decorateRequest("caller", null);

  app.addHook("onRoute", (route) => {
    const access = route.config?.access ?? standardAccess(route);
    route.config = { ...route.config, access };
    describe(route, access, mode);
  });

  app.addHook("onRequest", async (request, reply) => {
    const { access = "open", rateLimit } = request.routeOptions.config;
    if (access !== "open") {
      request.caller = await identify(request, reply, tokens, limits, mode);
      if (request.caller !== LOCAL_CALLER) endWithToken(request, reply, tokens, lookAgainMs);
    }
    if (rateLimit !== false) await limits.count(request, reply);
    if (access !== "open") requireRole(request, access);
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

async function identify(
  request: FastifyRequest,
  reply: FastifyReply,
  tokens: Pick<Tokens, "identify">,
  limits: RateLimits,
  mode: AccessMode,
): Promise<Caller> {
  const { authorization } = request.headers;
  if (authorization === undefined) {
    if (mode === "open") return LOCAL_CALLER;
    await limits.count(request, reply);
    throw unauthorized(reply, "This needs a token, and none was sent.");
  }
  const secret = secretOf(request);
  await limits.refuseGuessing(request, reply);
  const found =
    secret === undefined ? { refused: "Authorization is not `Bearer <token>`." } : await tokens.identify(secret);
  if ("caller" in found) return found.caller;
  await limits.countWrongToken(request);
  throw unauthorized(reply, found.refused, "invalid_token");
}

/** A stream of events goes on for hours: it must not outlive its token. */
function endWithToken(
  { headers }: FastifyRequest,
  { raw }: FastifyReply,
  tokens: Pick<Tokens, "identify">,
  lookAgainMs: number,
): void {
  const look = async () => {
    if ("refused" in (await tokens.identify(secretOf({ headers }) ?? ""))) raw.destroy();
  };
  // While the database is away nothing is known, and nothing is ended.
  const timer = setInterval(() => look().catch(() => undefined), lookAgainMs).unref();
  raw.once("close", () => clearInterval(timer));
}

function secretOf({ headers }: Pick<FastifyRequest, "headers">): string | undefined {
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1];
}

function unauthorized(reply: FastifyReply, detail: string, error?: string): Problem {
  reply.header("www-authenticate", `Bearer realm="penstock"${error === undefined ? "" : `, error="${error}"`}`);
  return new Problem({ status: 401, code: "unauthorized", title: "A valid token is needed", detail, next: NEXT });
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

/** Says in the OpenAPI document what a route needs. */
function describe(route: RouteOptions, access: Role | "open", mode: AccessMode): void {
  if (route.schema === undefined || route.schema.hide === true) return;
  if (access === "open") {
    route.schema = { ...route.schema, security: [] };
    return;
  }
  const description = [route.schema.description, `Role: ${access}.`].filter(Boolean).join("\n\n");
  const security = [{ token: [] }, ...(mode === "open" ? [{}] : [])];
  route.schema = { ...route.schema, description, security };
}
