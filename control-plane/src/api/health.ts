import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import type { Health } from "../services/health.ts";

const HealthResource = Type.Object(
  {
    status: Type.Enum(["ok", "warn", "fail"]),
    checks: Type.Array(
      Type.Object({
        name: Type.String({ examples: ["kafka"] }),
        status: Type.Enum(["ok", "warn", "fail"]),
        text: Type.String({ examples: ["answers"] }),
      }),
    ),
  },
  { title: "Readiness", description: "Each dependency and what is wrong with it" },
);

/** `GET /healthz`: this process answers. `GET /readyz`: it can do its work. */
export const healthRoutes: FastifyPluginAsyncTypebox<{ health: () => Promise<Health> }> = async (app, { health }) => {
  app.get(
    "/healthz",
    {
      config: { access: "open", rateLimit: false },
      schema: {
        operationId: "getHealth",
        tags: ["health"],
        summary: "Does the control plane answer?",
        response: { 200: Type.Object({ status: Type.Enum(["ok"]) }, { description: "It does" }) },
      },
    },
    async () => ({ status: "ok" as const }),
  );

  app.get(
    "/readyz",
    {
      config: { access: "open" },
      schema: {
        operationId: "getReadiness",
        tags: ["health"],
        summary: "Is everything there that the jobs need?",
        description: "503 when something is missing; `warn` says what needs attention soon.",
        response: { 200: HealthResource, 503: HealthResource },
      },
    },
    async (_request, reply) => {
      const found = await health();
      return reply.status(found.status === "fail" ? 503 : 200).send(found);
    },
  );
};
