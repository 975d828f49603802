import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import type { AuditLog } from "../services/audit-log.ts";
import { Id, Instant, listQuery, Nullable, pageOf } from "./lists.ts";
import { rangeQuery } from "./page-query.ts";

const AuditEntryResource = Type.Object(
  {
    id: Type.String({ examples: ["42"] }),
    at: Instant,
    actor: Type.String({ description: "Name of a token; `local` for a request that needed none", examples: ["local"] }),
    action: Type.String({ examples: ["job.stop"] }),
    target: Type.String({ description: "What was changed", examples: ["sales.gold"] }),
    requestId: Nullable(Id("The answer's x-request-id; it is in the log, too")),
    before: Type.Unknown({
      description: "How it was; null for something new",
      examples: [{ desiredState: "running" }],
    }),
    after: Type.Unknown({
      description: "How it was to be from then on; null for something that ended",
      examples: [{ desiredState: "stopped" }],
    }),
  },
  { title: "AuditEntry", description: "Who changed what" },
);

const filter = (description: string, example: string) =>
  Type.Optional(Type.String({ minLength: 1, maxLength: 200, description, examples: [example] }));

/** `GET /v1/audit/log` */
export const auditLogRoutes: FastifyPluginAsyncTypebox<{ auditLog: AuditLog }> = async (app, { auditLog }) => {
  app.get(
    "/audit/log",
    {
      schema: {
        operationId: "listAuditLog",
        tags: ["audit"],
        summary: "Who changed what, newest first",
        querystring: Type.Object(
          {
            target: filter("Only changes of this", "sales.gold"),
            actor: filter("Only changes by them", "local"),
            action: filter("Only changes of this kind", "job.stop"),
            ...rangeQuery("Changes"),
            ...listQuery,
          },
          { additionalProperties: false },
        ),
        response: {
          200: pageOf(AuditEntryResource, "A page of changes"),
        },
      },
    },
    async (request) => {
      const { items, nextCursor } = await auditLog.list(request.query);
      return { items: items.map((entry) => ({ ...entry, at: entry.at.toISOString() })), nextCursor };
    },
  );
};
