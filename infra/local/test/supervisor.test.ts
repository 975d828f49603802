import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { stackProcesses } from "../src/leftovers.ts";
import type { Service } from "../src/services/service.ts";
import { Supervisor, type SupervisorOptions } from "../src/supervisor.ts";
import { temporaryStateFolder } from "./stack-folder.ts";

const QUICK = { firstMs: 10, mostMs: 100, healthyAfterMs: 60_000 };

/** A real process that writes down when it starts, gets ready and is told to stop. */
function program(journal: string, name: string, body = ""): string[] {
  const note = (what: string): string =>
    `fs.appendFileSync(${JSON.stringify(journal)}, ${JSON.stringify(`${what} ${name}\n`)});`;
  return [
    "-e",
    `const fs = require('node:fs'); ${note("start")} process.on('SIGTERM', () => { ${note("stop")} process.exit(0); });
     setTimeout(() => { ${note("ready")} }, 50); setInterval(() => {}, 1000); ${body}`,
  ];
}

function setUp(
  definitions: Record<string, { dependsOn?: string[]; body?: string; stopsBefore?: string[] }>,
  options: Partial<SupervisorOptions> = {},
) {
  const stateDir = temporaryStateFolder();
  const journal = join(stateDir, "journal");
  const lines = (): string[] => (existsSync(journal) ? readFileSync(journal, "utf8").trim().split("\n") : []);
  const services = Object.entries(definitions).map(([name, { dependsOn = [], body, stopsBefore = [] }]): Service => {
    let launches = 0;
    return {
      name,
      dependsOn,
      stopsBefore,
      launch: () => {
        launches++;
        return { program: process.execPath, args: program(journal, name, body), env: {} };
      },
      isReady: async () => lines().filter((line) => line === `ready ${name}`).length === launches,
      readyWithinMs: 10_000,
      stopSignal: "SIGTERM",
      stopWithinMs: 2_000,
    };
  });
  const supervisor = new Supervisor({
    services,
    stateDir,
    runtimeDir: stateDir,
    logSize: 1_000_000,
    backoff: QUICK,
    ...options,
  });
  onTestFinished(() => supervisor.stop(0));
  const report = (name: string) => supervisor.reports().find((service) => service.name === name);
  return { supervisor, stateDir, lines, report };
}

describe("supervisor", () => {
  it("starts each service when those it depends on are ready", async () => {
    const { supervisor, lines } = setUp({ plane: { dependsOn: ["store", "broker"] }, store: {}, broker: {} });
    await supervisor.start();
    const order = lines();
    expect(order.indexOf("start plane")).toBeGreaterThan(order.indexOf("ready store"));
    expect(order.indexOf("start plane")).toBeGreaterThan(order.indexOf("ready broker"));
    expect(order).toHaveLength(6);
  });

  it("stops in reverse order and leaves no process", async () => {
    const { supervisor, lines, stateDir } = setUp({
      store: {},
      broker: {},
      worker: { stopsBefore: ["broker"] },
      plane: { dependsOn: ["store", "worker"] },
    });
    await supervisor.start();
    expect(stackProcesses(stateDir)).toHaveLength(4);
    await supervisor.stop(10_000);
    const stops = lines().filter((line) => line.startsWith("stop "));
    expect(stops[0]).toBe("stop plane");
    expect(stops.indexOf("stop worker")).toBeLessThan(stops.indexOf("stop broker"));
    expect(stops).toHaveLength(4);
    expect(stackProcesses(stateDir)).toEqual([]);
    expect(supervisor.reports().map(({ state }) => state)).toEqual(["stopped", "stopped", "stopped", "stopped"]);
  });

  it("starts again what dies, and counts it", async () => {
    const { supervisor, report, lines } = setUp({ broker: {} });
    await supervisor.start();
    const first = report("broker")?.pid ?? 0;
    process.kill(first, "SIGKILL");
    await vi.waitUntil(() => report("broker")?.restarts === 1 && report("broker")?.state === "running", {
      timeout: 5_000,
    });
    expect(report("broker")?.pid).not.toBe(first);
    expect(report("broker")?.lastEnd).toBe("killed by SIGKILL");
    expect(lines().filter((line) => line === "start broker")).toHaveLength(2);
  });

  it("does not start again what it was told to stop", async () => {
    const { supervisor, report } = setUp({ broker: {} });
    await supervisor.start();
    await supervisor.stopOne("broker");
    expect(report("broker")).toMatchObject({ state: "stopped", pid: null, restarts: 0 });
    await supervisor.startOne("broker");
    expect(report("broker")?.state).toBe("running");
  });

  it("kills what does not stop in time", async () => {
    const { supervisor, stateDir } = setUp({
      deaf: { body: "process.removeAllListeners('SIGTERM'); process.on('SIGTERM', () => {});" },
    });
    await supervisor.start();
    const began = Date.now();
    await supervisor.stop(200);
    expect(Date.now() - began).toBeLessThan(1_500);
    expect(stackProcesses(stateDir)).toEqual([]);
  });

  it("says why a service does not start, with the end of its log, and starts nothing that needs it", async () => {
    const { supervisor, lines } = setUp({
      broker: { body: "console.error('no such listener'); process.exit(3);" },
      plane: { dependsOn: ["broker"] },
    });
    await expect(supervisor.start()).rejects.toThrow(/broker does not start \(exit code 3\)[\s\S]*no such listener/);
    expect(lines()).not.toContain("start plane");
  });

  it("starts nothing more once it is told to stop while starting", async () => {
    const { supervisor, lines } = setUp({ broker: {}, plane: { dependsOn: ["broker"] } });
    const starting = supervisor.start();
    await vi.waitUntil(() => lines().includes("start broker"));
    await supervisor.stop(5_000);
    await starting;
    expect(lines()).not.toContain("start plane");
  });

  it("names the services when asked for one that does not exist", async () => {
    const { supervisor } = setUp({ broker: {} });
    await expect(supervisor.stopOne("kafak")).rejects.toThrow('There is no service "kafak": expected one of broker.');
  });

  it("rotates a log that has grown too large while its service goes on writing", async () => {
    const { supervisor, report } = setUp(
      { broker: { body: "setInterval(() => console.log('x'.repeat(200)), 5)" } },
      { logSize: 4_000, rotationCheckMs: 20 },
    );
    await supervisor.start();
    const path = report("broker")?.logFile ?? "";
    await vi.waitUntil(() => existsSync(`${path}.2`), { timeout: 10_000 });
    await vi.waitUntil(() => statSync(path).size > 0, { timeout: 5_000 });
    // No hole where the emptied part was: the first byte is one that was written.
    expect(readFileSync(path)[0]).not.toBe(0);
    expect(existsSync(`${path}.4`)).toBe(false);
  });
});
