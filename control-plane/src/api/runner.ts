import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Problem } from "../domain/problem.ts";
import { SyncRequestSchema } from "../domain/sync.ts";
import type { RunnerSync } from "../services/runner-sync.ts";

/** A runner that was alone for long sends its buffer in one call. */
const BODY_LIMIT = 32 * 1024 * 1024;

/** The runners' channel: `POST /runner/v1/sync`. It is no part of the public API. */
export const runnerRoutes: FastifyPluginAsyncTypebox<{ sync: RunnerSync; token: string }> = async (
  app,
  { sync, token },
) => {
  const expected = digest(token);

  app.addHook("onRequest", async (request) => {
    const given = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
    // Digests have one length, so that the comparison tells nothing about the token.
    if (timingSafeEqual(digest(given), expected)) return;
    throw new Problem({
      status: 401,
      code: "unauthorized",
      title: "The runner's token is missing or wrong",
      detail: "Authorization: Bearer with the content of the file PENSTOCK_RUNNER_TOKEN_FILE is expected.",
    });
  });

  app.post(
    "/sync",
    { bodyLimit: BODY_LIMIT, config: { rateLimit: false }, schema: { hide: true, body: SyncRequestSchema } },
    async (request) => sync.sync(request.body),
  );
};

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
