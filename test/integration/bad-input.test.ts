import { request } from "node:http";
import { describe, expect, it } from "vitest";
import { sharedStack } from "./shared-stack.ts";

const stack = sharedStack();

interface ProblemAnswer {
  status: number;
  contentType: string | null;
  problem: { code: string; detail: string; errors?: { field: string }[] };
}

async function ask(path: string, init?: RequestInit): Promise<ProblemAnswer> {
  const response = await fetch(stack.url + path, init);
  const problem = (await response.json()) as ProblemAnswer["problem"];
  return { status: response.status, contentType: response.headers.get("content-type"), problem };
}

/** As a browser would that was led here under another name: fetch does not let a test set Host. */
async function statusFor(headers: Record<string, string>, method = "GET"): Promise<number | undefined> {
  return await new Promise((resolve, reject) => {
    request(`${stack.url}/v1/jobs`, { headers, method }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .once("error", reject)
      .end();
  });
}

describe("bad input", () => {
  it.each([
    ["/v1/revenue/windows?from=yesterday", "from"],
    ["/v1/revenue/windows?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "from"],
    ["/v1/revenue/windows?from=2026-01-02T00:00:00", "from"],
    ["/v1/revenue/windows?plan_tier=platinum", "plan_tier"],
    ["/v1/revenue/windows?currency=GBP", "currency"],
    ["/v1/revenue/windows?grain=7m", "grain"],
    ["/v1/revenue/windows?colour=blue", "colour"],
    ["/v1/revenue/windows?limit=many", "limit"],
    ["/v1/dq/metrics?limit=0", "limit"],
    ["/v1/jobs?colour=blue", "colour"],
  ])("answers %s with a 400 that names the field", async (path, field) => {
    const { status, contentType, problem } = await ask(path);
    expect({ status, contentType }).toEqual({
      status: 400,
      contentType: expect.stringContaining("application/problem+json"),
    });
    expect(problem.code).toBe("invalid_request");
    expect(problem.errors?.map((error) => error.field)).toContain(field);
  });

  it.each(["", "/start", "/offsets", "/runs"])(
    "answers an unknown job%s with a 404 that names those there are",
    async (rest) => {
      const { status, problem } = await ask(`/v1/jobs/sales.silver2${rest}`, {
        method: rest === "/start" ? "POST" : "GET",
      });
      expect(status).toBe(404);
      expect(problem.code).toBe("unknown_job");
      expect(JSON.stringify(problem)).toContain("sales.silver");
    },
  );

  it("names the field of a body that is wrong", async () => {
    const headers = { "content-type": "application/json" };
    const wrong = await ask("/v1/jobs/sales.dq/stop", { method: "POST", headers, body: '{"mode":"gently"}' });
    expect(wrong.status).toBe(400);
    expect(JSON.stringify(wrong.problem.errors)).toContain("mode");
    const torn = await ask("/v1/jobs/sales.dq/stop", { method: "POST", headers, body: '{"mode":' });
    expect(torn.status).toBe(400);
  });

  it("says what an unknown route and a wrong method are", async () => {
    expect(await ask("/v1/nothing")).toMatchObject({ status: 404 });
    expect(await ask("/v1/jobs", { method: "DELETE" })).toMatchObject({ status: 405 });
  });

  it("refuses pages of other origins and other host names", async () => {
    const port = new URL(stack.url).port;
    expect(await statusFor({ host: `127.0.0.1:${port}` })).toBe(200);
    expect(await statusFor({ host: "evil.example" })).toBe(403);
    expect(await statusFor({ origin: "https://evil.example" })).toBe(403);
    expect(await statusFor({ origin: stack.url })).toBe(200);
    const stop = await ask("/v1/jobs/sales.dq/stop", { method: "POST", headers: { origin: "https://evil.example" } });
    expect(stop).toMatchObject({ status: 403, problem: { code: "forbidden_origin" } });
  });

  it("describes itself as OpenAPI 3.1", async () => {
    const description = await stack.rest.get<{ openapi: string; paths: Record<string, unknown> }>("/docs/json");
    expect(description.openapi).toMatch(/^3\.1/);
    expect(Object.keys(description.paths)).toEqual(
      expect.arrayContaining(["/v1/jobs", "/v1/jobs/{job}/stop", "/v1/revenue/windows"]),
    );
    expect(Object.keys(description.paths).filter((path) => path.startsWith("/runner"))).toEqual([]);
  });
});
