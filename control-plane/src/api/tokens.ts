import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { ROLES } from "../domain/access.ts";
import { DURATION_PATTERN, formatDuration, parseDuration } from "../domain/duration.ts";
import { invalidRequest } from "../domain/problem.ts";
import type { TokenRow, Tokens } from "../services/tokens.ts";
import { actorOf } from "./access.ts";
import { Instant, Nullable } from "./lists.ts";

const LONGEST_MS = 3_650 * 86_400_000;

const tokenName = Type.String({
  pattern: "^[a-z0-9][a-z0-9._-]{0,62}$",
  description: "Lower-case letters, digits, dots, dashes and underscores, at most 63: the audit log's `actor`",
  examples: ["console"],
});

const tokenFields = {
  name: Type.String({ examples: ["console"] }),
  role: Type.Enum([...ROLES]),
  createdBy: Type.String({ examples: ["admin"] }),
  createdAt: Instant,
  expiresAt: Nullable(Instant),
  lastUsedAt: Nullable(Instant),
};

const TokenResource = Type.Object(tokenFields, { title: "Token", description: "A token, without its secret" });

const NewTokenResource = Type.Object(
  {
    ...tokenFields,
    secret: Type.String({
      description: "What `Authorization: Bearer` takes. It is kept nowhere and never shown again",
      examples: ["pst_…"],
    }),
  },
  { title: "NewToken", description: "A new token" },
);

const tokenBody = Type.Object(
  {
    name: tokenName,
    role: Type.Enum([...ROLES], {
      description:
        "`viewer` reads; `operator` also starts, stops and changes; `admin` also kills, forces and makes tokens",
    }),
    expiresIn: Type.Optional(
      Type.String({ pattern: DURATION_PATTERN, description: "It never expires when left out", examples: ["90d"] }),
    ),
  },
  { additionalProperties: false, examples: [{ name: "console", role: "viewer", expiresIn: "90d" }] },
);

/** `POST /v1/tokens`, `GET /v1/tokens`, `DELETE /v1/tokens/{name}` */
export const tokenRoutes: FastifyPluginAsyncTypebox<{ tokens: Tokens }> = async (app, { tokens }) => {
  app.post(
    "/tokens",
    {
      config: { access: "admin" },
      schema: {
        operationId: "createToken",
        tags: ["access"],
        summary: "Make a token",
        description: "Its secret is in this answer and nowhere else.",
        body: tokenBody,
        response: { 201: NewTokenResource },
      },
    },
    async (request, reply) => {
      const { name, role, expiresIn } = request.body;
      const wish = { name, role, expiresInMs: lifetime(expiresIn) };
      const token = await tokens.create(wish, { by: actorOf(request), requestId: request.id });
      reply.header("cache-control", "no-store");
      return reply.status(201).send({ ...toResource(token), secret: token.secret });
    },
  );

  app.get(
    "/tokens",
    {
      config: { access: "admin" },
      schema: {
        operationId: "listTokens",
        tags: ["access"],
        summary: "All tokens, without their secrets",
        description: "The first admin's token lies in a file and is not among them.",
        response: { 200: Type.Object({ items: Type.Array(TokenResource) }, { description: "All tokens" }) },
      },
    },
    async () => ({ items: (await tokens.list()).map(toResource) }),
  );

  app.delete(
    "/tokens/:name",
    {
      config: { access: "admin" },
      schema: {
        operationId: "revokeToken",
        tags: ["access"],
        summary: "Revoke a token, at once and for good",
        params: Type.Object({ name: tokenName }),
        response: { 204: Type.Null({ description: "It is revoked" }) },
      },
    },
    async (request, reply) => {
      await tokens.revoke(request.params.name, { by: actorOf(request), requestId: request.id });
      return reply.status(204).send(null);
    },
  );
};

function lifetime(text: string | undefined): number | null {
  if (text === undefined) return null;
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0 && ms <= LONGEST_MS) return ms;
  const expected = `more than 0 and at most ${formatDuration(LONGEST_MS)}`;
  throw invalidRequest([{ field: "body.expiresIn", value: text, expected }]);
}

function toResource({ name, role, createdBy, createdAt, expiresAt, lastUsedAt }: TokenRow) {
  return {
    name,
    role,
    createdBy,
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt?.toISOString() ?? null,
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
  };
}
