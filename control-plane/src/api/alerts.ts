import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { SEVERITIES } from "../domain/alert.ts";
import type { Alerts } from "../services/alerts.ts";
import { Instant, listQuery, Nullable, pageOf } from "./lists.ts";

const AlertResource = Type.Object(
  {
    id: Type.String({ examples: ["7"] }),
    key: Type.String({
      description: "What was looked at; it fires once at a time",
      examples: ["dq.rule:amount-range"],
    }),
    severity: Type.Enum([...SEVERITIES]),
    state: Type.Enum(["firing", "resolved"]),
    title: Type.String({ examples: ["Data quality: amount-range is breached"] }),
    detail: Type.String({
      description: "The figures, as last seen",
      examples: ["12 of 400 rows (3 %), more than 1 %"],
    }),
    subjects: Type.Array(Type.String(), { description: "What it is about", examples: [["sales.dq", "amount-range"]] }),
    firedAt: Instant,
    seenAt: Type.String({ description: "When it was last seen failing", examples: ["2026-11-21T00:01:02.003Z"] }),
    resolvedAt: Nullable(Instant),
    resolution: Nullable(
      Type.String({ description: "How it was when it was over", examples: ["0 of 380 rows (0 %), at most 1 %"] }),
    ),
    messages: Type.Array(
      Type.Object({
        kind: Type.Enum(["fired", "escalated", "resolved"]),
        state: Type.Enum(["waiting", "delivered", "abandoned"]),
        attempts: Type.Integer({ examples: [1] }),
        lastError: Nullable(Type.String({ examples: ["it answered 503"] })),
      }),
      { description: "What the webhook was told, or is to be told; none without a webhook" },
    ),
  },
  { title: "Alert", description: "Something that is wrong, or was" },
);

const WebhookResource = Type.Object(
  {
    configured: Type.Boolean({ description: "Whether PENSTOCK_ALERT_WEBHOOK_URL is set" }),
    waiting: Type.Integer({ description: "Messages that it has not taken yet", examples: [0] }),
    waitingSince: Nullable(Instant),
    lastError: Nullable(
      Type.String({ description: "Why it did not take the oldest of them", examples: ["it answered 503"] }),
    ),
    lastDeliveredAt: Nullable(Instant),
  },
  { description: "How the webhook does" },
);

const page = pageOf(AlertResource, "A page of alerts");

/** `GET /v1/alerts` */
export const alertRoutes: FastifyPluginAsyncTypebox<{ alerts: Alerts }> = async (app, { alerts }) => {
  app.get(
    "/alerts",
    {
      schema: {
        operationId: "listAlerts",
        tags: ["alerts"],
        summary: "What is wrong or was, newest first",
        querystring: Type.Object(
          {
            state: Type.Optional(
              Type.Enum(["firing", "resolved"], { description: "Only these", examples: ["firing"] }),
            ),
            severity: Type.Optional(
              Type.Enum([...SEVERITIES], { description: "Only of this severity", examples: ["critical"] }),
            ),
            ...listQuery,
          },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Object({ ...page.properties, webhook: WebhookResource }, { description: "A page of alerts" }),
        },
      },
    },
    async (request) => {
      const { items, nextCursor, webhook } = await alerts.list(request.query);
      return {
        items: items.map((alert) => ({
          ...alert,
          state: alert.resolvedAt === null ? ("firing" as const) : ("resolved" as const),
          firedAt: alert.firedAt.toISOString(),
          seenAt: alert.seenAt.toISOString(),
          resolvedAt: alert.resolvedAt?.toISOString() ?? null,
        })),
        nextCursor,
        webhook: {
          ...webhook,
          waitingSince: webhook.waitingSince?.toISOString() ?? null,
          lastDeliveredAt: webhook.lastDeliveredAt?.toISOString() ?? null,
        },
      };
    },
  );
};
