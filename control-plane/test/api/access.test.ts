import fastify from "fastify";
import { describe, expect, it } from "vitest";
import { actorOf, registerAccess } from "../../src/api/access.ts";

describe("a route", () => {
  it.each(["POST", "PUT", "PATCH", "DELETE"] as const)("that does not say who may %s stops the start", (method) => {
    const app = fastify();
    registerAccess(app);
    expect(() => app.route({ method, url: "/v1/things", handler: async () => ({}) })).toThrow(
      `${method} /v1/things does not say which role it needs`,
    );
  });

  it("that only reads needs the role viewer, unless it says otherwise", async () => {
    const app = fastify();
    registerAccess(app);
    app.get("/v1/things", async (request) => ({ access: request.routeOptions.config.access, by: actorOf(request) }));
    app.get("/v1/secrets", { config: { access: "admin" } }, async (request) => request.routeOptions.config.access);
    expect((await app.inject("/v1/things")).json()).toEqual({ access: "viewer", by: "local" });
    expect((await app.inject("/v1/secrets")).body).toBe("admin");
  });
});
