import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import { nameSchemas } from "./named-schemas.ts";
import { markOptionalParts, typeEnums } from "./openapi-document.ts";

/** The API's description at /docs/json and Swagger UI at /docs. Has to be registered before the routes. */
export async function registerOpenApi(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Penstock",
        version: "0.1.0",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
        description:
          "Submit, watch and stop Spark Structured Streaming jobs, and read what they produce. " +
          "Offsets and amounts are strings. Errors are `application/problem+json` (RFC 9457) with a stable `code`.",
      },
      servers: [{ url: "/", description: "This control plane" }],
      components: {
        securitySchemes: {
          token: {
            type: "http",
            scheme: "bearer",
            description:
              "Not needed where the control plane listens on loopback only. `npm run token` shows the first admin's.",
          },
        },
      },
      tags: [
        { name: "jobs", description: "What runs, what should run, and how far it has come" },
        { name: "applications", description: "The Spark applications that host jobs" },
        { name: "operations", description: "Requests that take their time" },
        { name: "replays", description: "Jobs made anew beside what is live, compared, and made live" },
        { name: "events", description: "What happened, as it happens" },
        { name: "revenue", description: "Revenue windows" },
        { name: "data quality", description: "What was refused, and why" },
        { name: "alerts", description: "What is wrong, and what was" },
        { name: "sql", description: "Ask anything" },
        { name: "overrides", description: "Refused records that people let in" },
        { name: "audit", description: "Every record accounted for" },
        { name: "platform", description: "What the jobs run on" },
        { name: "access", description: "Who may do what" },
        { name: "health", description: "Is everything there?" },
      ],
    },
    transformObject: (document) =>
      "openapiObject" in document ? nameSchemas(typeEnums(markOptionalParts(document.openapiObject))) : {},
  });
  await app.register(swaggerUi, {
    routePrefix: "/docs",
    staticCSP: true,
    // Without TLS a browser would ask for the scripts at an https address that does not exist.
    transformStaticCSP: (policy) => policy.replace(/ *upgrade-insecure-requests;/, ""),
  });
  app.get("/", { schema: { hide: true } }, async (_request, reply) => reply.redirect("/docs"));
}
