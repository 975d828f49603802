import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HOST, startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";

let running: TestControlPlane;

beforeAll(async () => {
  running = await startControlPlane();
}, 60_000);

afterAll(() => running?.stop());

interface Call {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  url: string;
  headers?: Record<string, string>;
  payload?: string;
}

async function call({ method = "GET", url, headers = {}, payload }: Call) {
  return running.controlPlane.app.inject({
    method,
    url,
    headers: { host: HOST, ...headers },
    ...(payload === undefined ? {} : { payload }),
  });
}

describe("a wrong request", () => {
  const json = { "content-type": "application/json" };
  it.each<[string, Call, number, string, RegExp]>([
    ["an unknown job", { url: "/v1/jobs/sales.nope" }, 404, "unknown_job", /sales\.bronze, sales\.dq/],
    ["a NUL in a query", { url: "/v1/operations?job=%00" }, 400, "invalid_request", /no NUL character/],
    [
      "half a character in a query",
      { url: "/v1/operations?job=%ED%A0%80" },
      400,
      "invalid_request",
      /url: expected whole characters/,
    ],
    [
      "half a pair of surrogates in a body",
      {
        method: "POST",
        url: "/v1/overrides",
        headers: json,
        payload: String.raw`{"topic":"sales","partition":0,"offset":"1","reason":"\\ud800 \ud83d\ude00","set":{"user_id":"\ud800"}}`,
      },
      400,
      "invalid_request",
      /body: expected whole characters/,
    ],
    ["a path that cannot be read", { url: "/v1/jobs/%E0%A4%A" }, 400, "invalid_request", /hexadecimal digits/],
    [
      "an unknown query parameter",
      { url: "/v1/jobs?colour=red" },
      400,
      "invalid_request",
      /colour: expected no such query/,
    ],
    [
      "a parameter out of range",
      { url: "/v1/jobs/sales.gold/runs?limit=0" },
      400,
      "invalid_request",
      /limit: expected >= 1 \(got "?0"?\)/,
    ],
    ["a cursor that is none", { url: "/v1/jobs/sales.gold/runs?cursor=x" }, 400, "invalid_request", /cursor/],
    [
      "an unknown field",
      { method: "POST", url: "/v1/jobs/sales.gold/stop", headers: json, payload: '{"mod":"now"}' },
      400,
      "invalid_request",
      /body\.mod: expected no such field; known here: mode, timeout/,
    ],
    [
      "an unknown mode",
      { method: "POST", url: "/v1/jobs/sales.gold/stop", headers: json, payload: '{"mode":"softly"}' },
      400,
      "invalid_request",
      /body\.mode: expected one of drain, now, kill \(got "softly"\)/,
    ],
    [
      "a number for a text",
      { method: "POST", url: "/v1/jobs/sales.gold/stop", headers: json, payload: '{"timeout":30}' },
      400,
      "invalid_request",
      /body\.timeout: expected string \(got 30\)/,
    ],
    [
      "a wait that is no duration",
      { method: "POST", url: "/v1/jobs/sales.gold/stop?wait=soon" },
      400,
      "invalid_request",
      /wait: expected a duration such as 500ms/,
    ],
    [
      "too long a wait",
      { method: "POST", url: "/v1/jobs/sales.gold/stop?wait=1h" },
      400,
      "invalid_request",
      /wait: expected at most 1m/,
    ],
    [
      "broken JSON",
      { method: "POST", url: "/v1/jobs/sales.gold/stop", headers: json, payload: "{" },
      400,
      "invalid_request",
      /JSON/,
    ],
    [
      "a body that is a list",
      { method: "POST", url: "/v1/jobs/sales.gold/stop", headers: json, payload: "[]" },
      400,
      "invalid_request",
      /body: expected object/,
    ],
    [
      "another content type",
      {
        method: "POST",
        url: "/v1/jobs/sales.gold/stop",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        payload: "mode=now",
      },
      415,
      "unsupported_media_type",
      /application\/json/,
    ],
    [
      "a large body",
      {
        method: "POST",
        url: "/v1/jobs/sales.gold/stop",
        headers: json,
        payload: JSON.stringify({ mode: "x".repeat(70_000) }),
      },
      413,
      "body_too_large",
      /limit/,
    ],
    ["an unknown resource", { url: "/v1/nothing" }, 404, "unknown_resource", /\/v1\/nothing/],
    ["a wrong method", { method: "DELETE", url: "/v1/jobs/sales.gold" }, 405, "method_not_allowed", /possible: GET/],
    [
      "an unknown operation",
      { url: "/v1/operations/6f9619ff-8b86-4011-b42d-00cf4fc964ff" },
      404,
      "unknown_operation",
      /no operation/,
    ],
    ["an operation id that is none", { url: "/v1/operations/7" }, 400, "invalid_request", /id/],
    ["a dependency that is away", { url: "/v1/jobs/sales.gold/offsets" }, 503, "dependency_unavailable", /Kafka/],
  ])("%s is a problem that says what to do", async (_, request, status, code, text) => {
    const response = await call(request);
    expect(response.headers["content-type"]).toMatch(/^application\/problem\+json/);
    const problem = response.json();
    expect({ status: response.statusCode, code: problem.code }).toEqual({ status, code });
    expect(problem).toMatchObject({ status, requestId: response.headers["x-request-id"] });
    expect(`${problem.detail} ${problem.next ?? ""}`).toMatch(text);
    expect(response.body).not.toContain("at file:");
  });

  it("names the methods that are possible", async () => {
    const response = await call({ method: "PUT", url: "/v1/jobs/sales.gold/stop" });
    expect(response.statusCode).toBe(405);
    expect(response.headers.allow).toBe("POST");
  });
});

describe("a request from elsewhere", () => {
  it.each([
    ["another host name", { host: "evil.example:8080" }],
    ["another port", { host: "127.0.0.1:9" }],
    ["a page of another origin", { origin: "http://evil.example" }],
    ["a page without origin", { origin: "null" }],
    ["another site, by what the browser says", { "sec-fetch-site": "cross-site" }],
  ])("is refused: %s", async (_, headers) => {
    const response = await call({ method: "POST", url: "/v1/jobs/sales.gold/start", headers });
    expect(response.statusCode).toBe(403);
    expect(response.json().code).toBe("forbidden_origin");
  });

  it("is refused even where there is nothing", async () => {
    expect((await call({ url: "/nothing", headers: { host: "evil.example" } })).statusCode).toBe(403);
  });

  it.each(["127.0.0.1:8080", "localhost:8080", "[::1]:8080"])("is none: %s", async (host) => {
    const response = await call({ url: "/v1/jobs", headers: { host, origin: `http://${host}` } });
    expect(response.statusCode).toBe(200);
    expect(response.headers).toMatchObject({
      "content-security-policy": "default-src 'none';frame-ancestors 'none'",
      "cross-origin-resource-policy": "same-origin",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
    });
    expect(response.headers).not.toHaveProperty("strict-transport-security");
  });
});

describe("the API", () => {
  it("lists the declared jobs while Kafka is away", async () => {
    const { items } = (await call({ url: "/v1/jobs" })).json();
    expect(items.map((job: { id: string }) => job.id)).toEqual([
      "sales.bronze",
      "sales.dq",
      "sales.gold",
      "sales.silver",
    ]);
    expect(items[0]).toMatchObject({
      state: "STOPPED",
      desiredState: "running",
      lag: { records: null },
      lastBatch: null,
    });
  });

  it("says in /readyz what is missing, and in /healthz that it lives", async () => {
    const ready = await call({ url: "/readyz" });
    expect(ready.statusCode).toBe(503);
    const checks = Object.fromEntries(
      ready.json().checks.map((check: { name: string; status: string }) => [check.name, check.status]),
    );
    expect(checks).toMatchObject({
      postgres: "ok",
      kafka: "fail",
      "schema-registry": "fail",
      spark: "warn",
      disk: expect.any(String),
    });
    expect((await call({ url: "/healthz" })).json()).toEqual({ status: "ok" });
  });

  it("describes every resource, and not the runners' channel", async () => {
    const document = (await call({ url: "/docs/json" })).json();
    expect(document.openapi).toBe("3.1.0");
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining([
        "/v1/jobs",
        "/v1/jobs/{job}/offsets",
        "/v1/jobs/{job}/stop",
        "/v1/operations/{id}",
        "/v1/revenue/windows",
        "/v1/topics",
        "/readyz",
      ]),
    );
    expect(Object.keys(document.paths).filter((path) => path.startsWith("/runner"))).toEqual([]);
    for (const [path, methods] of Object.entries<Record<string, { summary?: string; tags?: string[] }>>(
      document.paths,
    )) {
      for (const operation of Object.values(methods)) {
        expect(operation.summary, path).toBeTruthy();
        expect(operation.tags, path).toHaveLength(1);
      }
    }
  });

  it("leads to its documentation", async () => {
    expect((await call({ url: "/" })).headers.location).toBe("/docs");
    const page = await call({ url: "/docs" });
    expect(page.statusCode).toBe(200);
    const policy = page.headers["content-security-policy"];
    expect(policy).toContain("script-src 'self'");
    // A browser would ask for the scripts at https, which is not there.
    expect(policy).not.toContain("upgrade-insecure-requests");
  });

  it.each([
    ["no body and no content type", {}, undefined],
    ["an empty body of a form, as curl -d '' sends it", { "content-type": "application/x-www-form-urlencoded" }, ""],
    ["an empty body of JSON", { "content-type": "application/json" }, ""],
    ["an empty object", { "content-type": "application/json" }, "{}"],
  ])("takes an action with %s", async (_, headers, payload) => {
    const call = { method: "POST" as const, url: "/v1/jobs/sales.dq/stop", headers: { host: HOST, ...headers } };
    const response = await running.controlPlane.app.inject({ ...call, ...(payload === undefined ? {} : { payload }) });
    expect(response.statusCode).toBe(202);
    expect(response.headers.location).toBe(`/v1/operations/${response.json().id}`);
    expect(response.json().request).toEqual({ mode: "drain", timeout: "30s", force: false });
  });

  it("does not talk to runners without the token", async () => {
    const response = await call({ method: "POST", url: "/runner/v1/sync", headers: { authorization: "Bearer wrong" } });
    expect(response.statusCode).toBe(401);
  });
});
