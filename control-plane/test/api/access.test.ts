import fastify from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actorOf, registerAccess } from "../../src/api/access.ts";
import { permits, ROLES, type Role } from "../../src/domain/access.ts";
import { createLogger } from "../../src/logger.ts";
import {
  ADMIN_TOKEN,
  HOST,
  RUNNER_TOKEN,
  startControlPlane,
  type TestControlPlane,
} from "../fixtures/control-plane.ts";

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
type Body = Record<string, unknown>;

const tokens = { identify: async () => ({ refused: "there are none here" }) };
const options = { mode: "open", rateLimits: { reads: 100, changes: 100 } } as const;

describe("a route", () => {
  it.each(["POST", "PUT", "PATCH", "DELETE"] as const)(
    "that does not say who may %s stops the start",
    async (method) => {
      const app = fastify();
      await registerAccess(app, tokens, options);
      expect(() => app.route({ method, url: "/v1/things", handler: async () => ({}) })).toThrow(
        `${method} /v1/things does not say which role it needs`,
      );
    },
  );

  it("that only reads needs the role viewer, unless it says otherwise", async () => {
    const app = fastify();
    await registerAccess(app, tokens, options);
    app.get("/v1/things", async (request) => ({ access: request.routeOptions.config.access, by: actorOf(request) }));
    app.get("/v1/secrets", { config: { access: "admin" } }, async (request) => request.routeOptions.config.access);
    expect((await app.inject("/v1/things")).json()).toEqual({ access: "viewer", by: "local" });
    expect((await app.inject("/v1/secrets")).body).toBe("admin");
  });
});

describe("an answer that goes on", () => {
  it("ends when its token does", async () => {
    let refused = false;
    const caller = { name: "stream", role: "viewer" } as const;
    const app = fastify({ forceCloseConnections: true });
    const identify = async () => (refused ? { refused: "revoked" } : { caller });
    await registerAccess(app, { identify }, { ...options, lookAgainMs: 5 });
    app.get("/v1/stream", (_request, reply) => {
      reply.raw.write("first");
    });
    const url = await app.listen({ host: "127.0.0.1", port: 0 });
    const answer = await fetch(`${url}/v1/stream`, { headers: { authorization: "Bearer x" } });
    const reader = answer.body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("first");
    refused = true;
    await expect(reader?.read()).rejects.toThrow();
    await app.close();
  });
});

let running: TestControlPlane;
const log: string[] = [];
const secrets: Record<string, string> = { admin: ADMIN_TOKEN };

async function call(url: string, token: string | null, method: Method = "GET", body?: Body, headers = {}) {
  return running.controlPlane.app.inject({
    method,
    url,
    headers: { host: HOST, ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...headers },
    ...(body === undefined ? {} : { payload: body }),
  });
}

const make = (body: Body, token = ADMIN_TOKEN) => call("/v1/tokens", token, "POST", body);

beforeAll(async () => {
  const logger = createLogger("trace", { write: (line) => log.push(line) });
  running = await startControlPlane({ PENSTOCK_ACCESS: "tokens" }, logger);
  for (const role of ["viewer", "operator"] as const) {
    secrets[role] = (await make({ name: `the-${role}`, role })).json().secret;
  }
}, 60_000);

afterAll(() => running?.stop());

describe("where tokens are needed", () => {
  it.each([
    ["none", {}, "This needs a token, and none was sent.", 'Bearer realm="penstock"'],
    [
      "a wrong one",
      { authorization: "Bearer pst_wrong" },
      "This token is not known here, or was revoked.",
      'Bearer realm="penstock", error="invalid_token"',
    ],
    [
      "something else",
      { authorization: "Basic cm9vdDpyb290" },
      "Authorization is not `Bearer <token>`.",
      'Bearer realm="penstock", error="invalid_token"',
    ],
    [
      "the runners' token",
      { authorization: `Bearer ${RUNNER_TOKEN}` },
      "This token is not known here, or was revoked.",
      'Bearer realm="penstock", error="invalid_token"',
    ],
  ])("a request with %s is refused and told how to go on", async (_, headers, detail, challenge) => {
    const answer = await call("/v1/jobs", null, "GET", undefined, headers);
    expect(answer.statusCode).toBe(401);
    expect(answer.headers["www-authenticate"]).toBe(challenge);
    expect(answer.headers["content-type"]).toMatch(/^application\/problem\+json/);
    expect(answer.json()).toMatchObject({
      code: "unauthorized",
      detail,
      next: expect.stringContaining("npm run token"),
    });
  });

  it.each(["/", "/healthz", "/readyz", "/docs", "/docs/json"])("%s is open all the same", async (url) => {
    expect((await call(url, null)).statusCode).not.toBe(401);
  });

  it("every call that is described needs a token, and every one that changes something more than the role viewer", async () => {
    const { paths } = (await call("/docs/json", null)).json() as { paths: Record<string, Record<string, unknown>> };
    const open = ["/healthz", "/readyz"];
    // Sends a body, and changes nothing.
    const reading = ["/v1/schemas/{subject}/check", "/v1/dq/rules/check", "/v1/sql"];
    const calls = Object.entries(paths)
      .filter(([path]) => !open.includes(path))
      .flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => [method.toUpperCase() as Method, path] as const),
      );
    expect(calls.length).toBeGreaterThan(15);
    for (const [method, path] of calls) {
      const url = path.replace("{job}", "sales.dq").replace(/\{[^}]+\}/g, "1");
      expect((await call(url, null, method)).statusCode, `${method} ${path}`).toBe(401);
      if (method === "GET" || reading.includes(path)) continue;
      expect((await call(url, secrets.viewer ?? "", method)).statusCode, `${method} ${path}`).toBe(403);
    }
    expect((await call("/metrics", null)).statusCode).toBe(401);
  });

  const actions: { method: Method; url: string; needed: Role; body?: Body }[] = [
    { method: "GET", url: "/v1/jobs", needed: "viewer" },
    { method: "GET", url: "/v1/audit/log", needed: "viewer" },
    { method: "POST", url: "/v1/jobs/sales.dq/stop", needed: "operator" },
    { method: "POST", url: "/v1/jobs/sales.dq/stop", needed: "admin", body: { mode: "kill", force: true } },
    { method: "POST", url: "/v1/jobs/sales.dq/start", needed: "admin", body: { force: true } },
    { method: "GET", url: "/v1/tokens", needed: "admin" },
    { method: "POST", url: "/v1/tokens", needed: "admin", body: { name: "x", role: "viewer" } },
    { method: "DELETE", url: "/v1/tokens/unknown", needed: "admin" },
  ];
  const asked = actions.flatMap((action) => ROLES.map((present) => ({ ...action, present })));
  it.each(asked)("the role $present asks $method $url $body, which needs $needed", async (asked) => {
    const { method, url, needed, body, present } = asked;
    const answer = await call(url, secrets[present] ?? "", method, body);
    if (permits(present, needed)) {
      expect([401, 403]).not.toContain(answer.statusCode);
      return;
    }
    expect(answer.statusCode).toBe(403);
    expect(answer.json().code).toBe("forbidden");
    // What the route needs is checked before what the body asks for.
    expect(answer.json().detail).toMatch(
      new RegExp(`^This needs the role (operator|${needed}); the-${present} is ${present}\\.$`),
    );
  });

  it("the audit log names the token, and who made and revoked it", async () => {
    const { secret } = (await make({ name: "ci", role: "operator", expiresIn: "90d" })).json();
    await call("/v1/jobs/sales.gold/stop", secret, "POST");
    await call("/v1/tokens/ci", ADMIN_TOKEN, "DELETE");
    const { items } = (await call("/v1/audit/log?limit=3", ADMIN_TOKEN)).json();
    expect(items).toMatchObject([
      { actor: "admin", action: "token.revoke", target: "ci", before: { role: "operator" }, after: null },
      { actor: "ci", action: "job.stop", target: "sales.gold" },
      { actor: "admin", action: "token.create", target: "ci", before: null, after: { role: "operator" } },
    ]);
  });

  it("a revoked token is refused at once", async () => {
    const { secret } = (await make({ name: "gone", role: "admin" })).json();
    expect((await call("/v1/jobs", secret)).statusCode).toBe(200);
    const revoked = await call("/v1/tokens/gone", secret, "DELETE");
    expect({ status: revoked.statusCode, body: revoked.body }).toEqual({ status: 204, body: "" });
    expect((await call("/v1/jobs", secret)).statusCode).toBe(401);
    expect((await call("/v1/tokens/gone", ADMIN_TOKEN, "DELETE")).json().code).toBe("unknown_token");
  });

  it("a token's secret is told once and never listed", async () => {
    const made = await make({ name: "once", role: "viewer", expiresIn: "1h" });
    expect(made.statusCode).toBe(201);
    expect(made.headers["cache-control"]).toBe("no-store");
    const { secret, ...rest } = made.json();
    const listed = await call("/v1/tokens", ADMIN_TOKEN);
    expect(listed.json().items).toContainEqual(rest);
    expect(listed.body).not.toContain(secret);
    expect(rest).toMatchObject({ name: "once", role: "viewer", createdBy: "admin", lastUsedAt: null });
    expect(Date.parse(rest.expiresAt) - Date.parse(rest.createdAt)).toBe(3_600_000);
  });

  it.each<[string, Body, number, RegExp]>([
    ["a name that is taken", { name: "the-viewer", role: "viewer" }, 409, /the-viewer exists already/],
    [
      "the name local",
      { name: "local", role: "viewer" },
      400,
      /body\.name: expected another name than local, admin, metrics, manifest/,
    ],
    ["the name admin", { name: "admin", role: "viewer" }, 400, /body\.name: expected another name/],
    ["a name with spaces", { name: "my token", role: "viewer" }, 400, /body\.name/],
    ["an unknown role", { name: "y", role: "root" }, 400, /body\.role: expected one of viewer, operator, admin/],
    ["no role", { name: "y" }, 400, /body\.role: expected a value/],
    ["a life of nothing", { name: "y", role: "viewer", expiresIn: "0s" }, 400, /body\.expiresIn: expected more than 0/],
    ["too long a life", { name: "y", role: "viewer", expiresIn: "9999d" }, 400, /at most 3650d/],
    ["a wrong life", { name: "y", role: "viewer", expiresIn: "soon" }, 400, /body\.expiresIn: expected a duration/],
    ["a secret of one's own", { name: "y", role: "viewer", secret: "s" }, 400, /body\.secret: expected no such field/],
  ])("no token is made with %s", async (_, body, status, detail) => {
    const answer = await make(body);
    expect(answer.statusCode).toBe(status);
    expect(answer.json().detail).toMatch(detail);
  });

  it("the first admin's token cannot be revoked over REST", async () => {
    const answer = await call("/v1/tokens/admin", ADMIN_TOKEN, "DELETE");
    expect(answer.statusCode).toBe(404);
    expect(answer.json().next).toContain("PENSTOCK_ADMIN_TOKEN_FILE");
  });

  it("the OpenAPI document says which role each call needs, and how to give a token", async () => {
    const document = (await call("/docs/json", null)).json();
    expect(document.components.securitySchemes.token).toMatchObject({ type: "http", scheme: "bearer" });
    expect(document.paths["/v1/tokens"].post).toMatchObject({ security: [{ token: [] }] });
    expect(document.paths["/v1/tokens"].post.description).toMatch(/Role: admin\.$/);
    expect(document.paths["/v1/jobs"].get.description).toBe("Role: viewer.");
    expect(document.paths["/healthz"].get.security).toEqual([]);
  });

  it("no token is in the log or in a problem, whatever goes wrong with it", async () => {
    const { secret } = (await make({ name: "careless", role: "admin" })).json();
    const answers = [
      await call("/v1/jobs", `${secret}-mistyped`),
      await call(`/v1/jobs/sales.dq/stop?token=${secret}`, ADMIN_TOKEN, "POST"),
      await call("/v1/jobs", null, "GET", undefined, { authorization: `Basic ${secret}` }),
      await call("/v1/jobs/sales.gold/offsets", secret),
      await call("/v1/nothing", secret),
    ];
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([401, 400, 401, 503, 404]);
    running.controlPlane.app.log.error({ headers: { authorization: `Bearer ${secret}` } }, "somebody logs headers");
    running.controlPlane.app.log.error({ req: { headers: { authorization: `Bearer ${secret}` } } }, "and a request");
    expect(log.join("")).toContain("somebody logs headers");
    for (const token of [secret, ADMIN_TOKEN, RUNNER_TOKEN, ...Object.values(secrets)]) {
      expect(log.filter((line) => line.includes(token))).toEqual([]);
    }
    expect(answers.filter(({ statusCode, body }) => statusCode !== 400 && body.includes(secret))).toEqual([]);
  });

  it("the log says who asked", async () => {
    await call("/v1/jobs/sales.gold/stop", secrets.operator ?? "", "POST");
    expect(log.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ by: "the-operator", url: "/v1/jobs/sales.gold/stop", status: 202 }),
    );
  });
});
