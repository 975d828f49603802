import rateLimit, { normalizeIP } from "@fastify/rate-limit";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { LOCAL_CALLER } from "../domain/access.ts";
import { Problem } from "../domain/problem.ts";

/** Requests per minute of one client. */
export interface RateLimitOptions {
  reads: number;
  changes: number;
}

/** Wrong tokens per minute from one address. */
const WRONG_TOKENS = 30;
const READING = ["GET", "HEAD", "OPTIONS"];

export interface RateLimits {
  /** Counts a request. @throws Problem `rate_limited` */
  count(request: FastifyRequest, reply: FastifyReply): Promise<void>;
  /** Counts a wrong token. */
  countWrongToken(request: FastifyRequest): Promise<void>;
  /** @throws Problem `rate_limited` when too many wrong tokens came from this address */
  refuseGuessing(request: FastifyRequest, reply: FastifyReply): Promise<void>;
}

type Limiter = ReturnType<FastifyInstance["createRateLimit"]>;

/** A client is a token, or an address where there is none. */
export async function createRateLimits(app: FastifyInstance, options: RateLimitOptions): Promise<RateLimits> {
  await app.register(rateLimit, { global: false, timeWindow: "1 minute" });
  const reads = app.createRateLimit({ max: options.reads, keyGenerator: clientOf });
  const changes = app.createRateLimit({ max: options.changes, keyGenerator: clientOf });
  const wrongTokens = app.createRateLimit({ max: WRONG_TOKENS });

  return {
    count: (request, reply) => {
      const isReading = READING.includes(request.method);
      const what = isReading ? "reading requests" : "requests that change something";
      return enforce(isReading ? reads : changes, what, request, reply);
    },
    async countWrongToken(request) {
      await wrongTokens(request);
    },
    refuseGuessing: (request, reply) => enforce(wrongTokens, "wrong tokens", request, reply, { increment: false }),
  };
}

async function enforce(
  limiter: Limiter,
  what: string,
  request: FastifyRequest,
  reply: FastifyReply,
  options?: { increment: boolean },
): Promise<void> {
  const state = await limiter(request, options);
  if (state.isAllowed) return;
  const { max, remaining, ttlInSeconds } = state;
  const isPeek = options?.increment === false;
  if (!isPeek) {
    reply.headers({
      "ratelimit-limit": max,
      "ratelimit-remaining": remaining,
      "ratelimit-reset": ttlInSeconds,
    });
  }
  if (isPeek ? remaining > 0 : !state.isExceeded) return;
  reply.header("retry-after", ttlInSeconds);
  throw new Problem({
    status: 429,
    code: "rate_limited",
    title: "Too many requests",
    detail: `At most ${max} ${what} a minute are taken from one client.`,
    next: `Try again in ${ttlInSeconds} s.`,
  });
}

function clientOf({ caller, ip }: FastifyRequest): string {
  return caller === null || caller === LOCAL_CALLER ? normalizeIP(ip) : `token ${caller.name}`;
}
