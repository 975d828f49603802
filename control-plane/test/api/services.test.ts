import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, HOST, startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";
import { type ScriptedEngine, startDockerEngine } from "../fixtures/docker-engine.ts";

let engine: ScriptedEngine;
let running: TestControlPlane;

beforeAll(async () => {
  const container = (service: string, index: number) => ({
    id: String(index).repeat(64),
    project: "shop",
    service,
    state: "running",
    health: "healthy",
    printed: `${service} is up\n`,
  });
  engine = await startDockerEngine(["control-plane", "kafka"].map(container));
  running = await startControlPlane({
    PENSTOCK_DOCKER_URL: engine.url,
    PENSTOCK_DOCKER_PROJECT: "shop",
    PENSTOCK_ACCESS: "tokens",
  });
}, 60_000);

afterAll(async () => {
  await running?.stop();
  await engine?.close();
});

beforeEach(() => engine.changes.splice(0));

async function call(method: "GET" | "POST", url: string, token = ADMIN_TOKEN) {
  const headers = { host: HOST, authorization: `Bearer ${token}` };
  const answer = await running.controlPlane.app.inject({ method, url, headers });
  return { status: answer.statusCode, body: answer.json() };
}

describe("services", () => {
  it("are listed with how they are and what they take", async () => {
    const { status, body } = await call("GET", "/v1/services");
    expect(status).toBe(200);
    expect(body.runtime).toBe("docker");
    expect(body.items.map(({ name }: { name: string }) => name)).toEqual(["control-plane", "kafka"]);
    expect(body.items[1]).toMatchObject({
      state: "running",
      health: "healthy",
      cpuPercent: 25,
      memoryBytes: 200_000_000,
    });
    expect((await call("GET", "/v1/services/kafka/logs?tail=5")).body).toEqual({
      service: "kafka",
      lines: ["kafka is up"],
    });
  });

  it.each(["postgres", "..", "..%2Fkafka", "kafka%2F..", "kafka%00", "0".repeat(64)])(
    "that are not of this stack are unknown: %s",
    async (name) => {
      for (const [method, path] of [
        ["GET", ""],
        ["GET", "/logs"],
        ["POST", "/restart"],
      ] as const) {
        const { status } = await call(method, `/v1/services/${name}${path}`);
        expect([404, 400]).toContain(status);
      }
      expect(engine.changes).toEqual([]);
    },
  );

  it("name those that there are when one is unknown", async () => {
    expect((await call("POST", "/v1/services/postgres/stop")).body).toMatchObject({
      code: "unknown_service",
      next: "Known services: control-plane, kafka.",
    });
  });

  it("are restarted by an operator, and the audit log says by whom", async () => {
    const made = await running.controlPlane.app.inject({
      method: "POST",
      url: "/v1/tokens",
      headers: { host: HOST, authorization: `Bearer ${ADMIN_TOKEN}` },
      payload: { name: "watcher", role: "viewer" },
    });
    expect((await call("POST", "/v1/services/kafka/restart", made.json().secret)).status).toBe(403);
    expect(engine.changes).toEqual([]);
    expect((await call("POST", "/v1/services/kafka/restart")).status).toBe(200);
    expect(engine.changes).toEqual(["kafka restart"]);
    const { body } = await call("GET", "/v1/audit/log?target=kafka");
    expect(body.items).toMatchObject([{ actor: "admin", action: "service.restart", before: { state: "running" } }]);
  });

  it("cannot be stopped where nobody could start them again", async () => {
    const { status, body } = await call("POST", "/v1/services/control-plane/stop");
    expect([status, body.code]).toEqual([409, "conflict"]);
    expect(engine.changes).toEqual([]);
  });
});
