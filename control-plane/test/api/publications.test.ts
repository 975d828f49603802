import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, HOST, startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";

let running: TestControlPlane;

beforeAll(async () => {
  running = await startControlPlane({ PENSTOCK_ACCESS: "tokens" });
}, 60_000);

afterAll(() => running?.stop());

async function ask(method: "GET" | "POST", url: string, secret = ADMIN_TOKEN) {
  const headers = { host: HOST, authorization: `Bearer ${secret}` };
  const answer = await running.controlPlane.app.inject({ method, url, headers });
  return { status: answer.statusCode, body: answer.json() };
}

describe("publications", () => {
  it("are listed as they are declared, before anybody has looked at them", async () => {
    const { body } = await ask("GET", "/v1/publications");
    expect(
      body.items.map(({ name, topic, table, state }: Record<string, string>) => [name, topic, table, state]),
    ).toEqual([
      ["deadLetters", "sales.events.dlq.v1", "silver.sales_events", "UNKNOWN"],
      ["revenue", "sales.agg.revenue_5m.v1", "gold.revenue_5m", "UNKNOWN"],
      ["dqResults", "dq.results.v1", "dq.revenue_5m.metrics", "UNKNOWN"],
    ]);
    expect(body.items[0]).toMatchObject({ published: "0", lag: "0", unaccounted: "0", position: null, paused: null });
  });

  it("are paused and resumed once, whoever asks how often, and it survives a restart", async () => {
    for (let times = 0; times < 2; times += 1) {
      const paused = await ask("POST", "/v1/publications/revenue/pause");
      expect(paused).toMatchObject({ status: 200, body: { state: "PAUSED", paused: { by: "admin" } } });
    }
    await running.restart();
    expect((await ask("GET", "/v1/publications/revenue")).body.state).toBe("PAUSED");
    expect((await ask("POST", "/v1/publications/revenue/resume")).body).toMatchObject({
      state: "UNKNOWN",
      paused: null,
    });
    const { body } = await ask("GET", "/v1/audit/log?target=revenue");
    expect(body.items.map(({ action, actor, after }: Record<string, unknown>) => [action, actor, after])).toEqual([
      ["publication.resume", "admin", { paused: false }],
      ["publication.pause", "admin", { paused: true }],
    ]);
  });

  it("are not paused by those who may only read", async () => {
    const token = await running.controlPlane.app.inject({
      method: "POST",
      url: "/v1/tokens",
      headers: { host: HOST, authorization: `Bearer ${ADMIN_TOKEN}` },
      payload: { name: "reader", role: "viewer" },
    });
    const { secret } = token.json();
    expect(await ask("POST", "/v1/publications/revenue/pause", secret)).toMatchObject({
      status: 403,
      body: { code: "forbidden" },
    });
    expect((await ask("GET", "/v1/publications", secret)).status).toBe(200);
  });

  it("that nobody declared are a 404 that names those that are there", async () => {
    for (const [method, path] of [
      ["GET", ""],
      ["POST", "/pause"],
      ["POST", "/resume"],
    ] as const) {
      const { status, body } = await ask(method, `/v1/publications/nope${path}`);
      expect([status, body.code]).toEqual([404, "unknown_publication"]);
      expect(body.next).toContain("deadLetters, revenue, dqResults");
    }
  });
});
