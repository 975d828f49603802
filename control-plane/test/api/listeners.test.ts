import { get } from "node:http";
import fastify, { type FastifyInstance } from "fastify";
import { afterEach, describe, expect, it } from "vitest";
import { listen } from "../../src/api/listeners.ts";
import { registerProblems } from "../../src/api/problems.ts";
import { registerSecurity } from "../../src/api/security.ts";
import { freePort } from "../fixtures/postgres.ts";

let app: FastifyInstance;

// All of 127.0.0.0/8 is this machine; 127.0.0.2 is none of the names that are always answered.
async function start(address: string): Promise<(host: string, headers?: Record<string, string>) => Promise<number>> {
  const port = await freePort();
  app = fastify({ forceCloseConnections: true });
  registerProblems(app);
  await registerSecurity(app, { port, allowedHosts: [] });
  app.get("/", async () => "here");
  await listen(app, { address, loopback: "127.0.0.1", port });
  return (host, headers = {}) =>
    new Promise((resolve, reject) => {
      get({ host, port, headers, agent: false }, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      }).once("error", reject);
    });
}

afterEach(() => app?.close());

describe("the control plane", () => {
  it("listens on its own address and on the runners'", async () => {
    const ask = await start("127.0.0.2");
    expect(await ask("127.0.0.2")).toBe(200);
    expect(await ask("127.0.0.1")).toBe(200);
    await expect(ask("127.0.0.3")).rejects.toThrow("ECONNREFUSED");
  });

  it("listens on loopback alone when it is told nothing else", async () => {
    const ask = await start("127.0.0.1");
    expect(await ask("127.0.0.1")).toBe(200);
    await expect(ask("127.0.0.2")).rejects.toThrow("ECONNREFUSED");
  });

  it("listens on every address and answers to each of them", async () => {
    const ask = await start("0.0.0.0");
    expect(await ask("127.0.0.1")).toBe(200);
    expect(await ask("127.0.0.2")).toBe(200);
  });

  it("closes every address", async () => {
    const ask = await start("127.0.0.2");
    await ask("127.0.0.1");
    await app.close();
    await expect(ask("127.0.0.1")).rejects.toThrow("ECONNREFUSED");
    await expect(ask("127.0.0.2")).rejects.toThrow("ECONNREFUSED");
  });

  it("still refuses a name that was made to point to its address, and a page from elsewhere", async () => {
    const ask = await start("0.0.0.0");
    expect(await ask("127.0.0.2", { origin: "http://127.0.0.3" })).toBe(403);
    expect(await ask("127.0.0.2", { host: "evil.example" })).toBe(403);
    expect(await ask("127.0.0.2", { host: "127.0.0.3" })).toBe(403);
  });
});
