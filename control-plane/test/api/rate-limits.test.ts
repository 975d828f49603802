import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  ADMIN_TOKEN,
  HOST,
  RUNNER_TOKEN,
  startControlPlane,
  type TestControlPlane,
} from "../fixtures/control-plane.ts";

let running: TestControlPlane;

beforeAll(async () => {
  running = await startControlPlane({ PENSTOCK_RATE_LIMIT_READS: "40", PENSTOCK_RATE_LIMIT_CHANGES: "2" });
}, 60_000);

afterAll(() => running?.stop());

interface Call {
  method?: "GET" | "POST";
  token?: string;
  from: string;
}

const call = (url: string, { method = "GET", token, from }: Call) =>
  running.controlPlane.app.inject({
    method,
    url,
    remoteAddress: from,
    headers: { host: HOST, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
  });

async function times(count: number, work: () => ReturnType<typeof call>) {
  const answers = [];
  for (let round = 0; round < count; round += 1) answers.push(await work());
  return answers;
}

describe("a client that asks too much", () => {
  it("is told when it may ask again, and reading is counted apart from changing", async () => {
    const from = "10.0.0.1";
    const [first, , third] = await times(3, () => call("/v1/jobs/sales.dq/stop", { method: "POST", from }));
    expect(first?.statusCode).toBe(202);
    expect(first?.headers).toMatchObject({ "ratelimit-limit": "2", "ratelimit-remaining": "1" });
    expect(third?.statusCode).toBe(429);
    expect(third?.headers["content-type"]).toMatch(/^application\/problem\+json/);
    expect(third?.headers).toMatchObject({ "ratelimit-remaining": "0", "retry-after": expect.stringMatching(/^\d+$/) });
    expect(third?.json()).toMatchObject({
      code: "rate_limited",
      detail: "At most 2 requests that change something a minute are taken from one client.",
    });
    expect((await call("/v1/operations", { from })).statusCode).toBe(200);
  });

  it("does not take from others: neither other addresses nor other tokens", async () => {
    const from = "10.0.0.2";
    const many = await times(41, () => call("/v1/operations", { from }));
    expect(many.at(-1)?.statusCode).toBe(429);
    expect((await call("/v1/operations", { from: "10.0.0.3" })).statusCode).toBe(200);
    expect((await call("/v1/operations", { from, token: ADMIN_TOKEN })).statusCode).toBe(200);
  });

  it("may guess no more than 30 tokens a minute", async () => {
    const from = "10.0.0.4";
    const guesses = await times(31, () => call("/v1/operations", { from, token: "pst_guess" }));
    expect(new Set(guesses.slice(0, 30).map(({ statusCode }) => statusCode))).toEqual(new Set([401]));
    expect(guesses.at(-1)?.statusCode).toBe(429);
    expect(guesses.at(-1)?.headers["retry-after"]).toMatch(/^\d+$/);
    expect((await call("/v1/operations", { from: "10.0.0.5", token: ADMIN_TOKEN })).statusCode).toBe(200);
  });
});

describe("not counted", () => {
  it("is the question whether the control plane lives", async () => {
    const answers = await times(45, () => call("/healthz", { from: "10.0.0.6" }));
    expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([200]));
  });

  it("are the runners' calls", async () => {
    const sync = () => call("/runner/v1/sync", { method: "POST", token: RUNNER_TOKEN, from: "10.0.0.7" });
    expect((await times(5, sync)).map(({ statusCode }) => statusCode)).not.toContain(429);
  });
});
