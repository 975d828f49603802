import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ControlSocket, openControlSocket } from "../../../infra/local/src/control-socket.ts";
import type { StackReport } from "../../../infra/local/src/local-stack.ts";
import { measureMemory } from "../../../infra/local/src/memory-report.ts";
import type { Service } from "../../../infra/local/src/services/service.ts";
import { Supervisor } from "../../../infra/local/src/supervisor.ts";
import { createSupervisorRuntime } from "../../src/adapters/supervisor.ts";

// Its socket's path has to be short.
const stateDir = mkdtempSync(join(tmpdir(), "ps-"));
const socketPath = join(stateDir, "supervisor.sock");
const runtime = createSupervisorRuntime(socketPath);
let supervisor: Supervisor;
let socket: ControlSocket;

/** A real process that prints a line, and then one more every tenth of a second. */
const ticker: Service = {
  name: "ticker",
  dependsOn: [],
  launch: () => ({
    program: process.execPath,
    args: ["-e", "let n = 0; console.log('hello'); setInterval(() => console.log('tick', ++n), 100)"],
    env: {},
  }),
  isReady: async () => true,
  readyWithinMs: 10_000,
  stopSignal: "SIGTERM",
  stopWithinMs: 2_000,
};

/** What the launcher's stack answers, of this supervisor's services. */
function report(): StackReport {
  const reports = supervisor.reports();
  const memory = measureMemory(stateDir, new Set(reports.flatMap(({ pid }) => pid ?? [])));
  return {
    supervisor: { pid: process.pid, state: "running", startedAt: new Date().toISOString() },
    services: reports.map((service) => ({
      ...service,
      memoryBytes: memory.services[service.name] ?? 0,
      cpuSeconds: memory.processorSeconds[service.name] ?? 0,
    })),
    memory,
    firstRevenueWindowSeconds: null,
    disk: { freeBytes: 0, warn: false },
  };
}

beforeAll(async () => {
  supervisor = new Supervisor({ services: [ticker], stateDir, runtimeDir: stateDir, logSize: 1_000_000 });
  await supervisor.start();
  socket = await openControlSocket(socketPath, {
    report,
    start: (name) => supervisor.startOne(name),
    stop: (name) => supervisor.stopOne(name),
    shutdown: () => {},
  });
});

afterAll(async () => {
  await socket.close();
  await supervisor.stop(0);
  rmSync(stateDir, { recursive: true });
});

describe("services of the supervisor", () => {
  it("are told with what they take", async () => {
    const [service] = await runtime.list();
    expect(service).toMatchObject({ name: "ticker", state: "running", health: "healthy", restarts: 0, image: null });
    expect(service?.startedAt).toBeInstanceOf(Date);
    const { cpuPercent, memoryBytes, memoryLimitBytes } = await runtime.stats("ticker");
    expect(cpuPercent).toBeGreaterThanOrEqual(0);
    expect(memoryBytes).toBeGreaterThan(1_000_000);
    expect(memoryLimitBytes).toBeNull();
  });

  it("show what they printed, and go on with what they print", async () => {
    await expect.poll(() => runtime.logs("ticker", 10_000)).toContain("tick 2");
    const gone = new AbortController();
    let text = "";
    for await (const part of runtime.follow("ticker", 1, gone.signal)) {
      text += part;
      if (text.split("\n").length > 4) gone.abort();
    }
    const ticks = [...text.matchAll(/tick (\d+)\n/g)].map(([, tick]) => Number(tick));
    // None left out and none told twice between what was there and what came.
    expect(ticks).toEqual(ticks.map((_, index) => (ticks[0] ?? 0) + index));
  });

  it("stop and start on request, and changes are told", async () => {
    const told: string[] = [];
    const over = new AbortController();
    const watching = runtime.watch(({ name, what }) => told.push(`${name} ${what}`), over.signal);
    // Answered after the watcher's first look, which came before it.
    await runtime.list();
    await runtime.stop("ticker");
    expect(await runtime.list()).toMatchObject([{ state: "stopped", health: null, startedAt: null }]);
    await expect.poll(() => told, { timeout: 10_000 }).toContain("ticker stopped");
    await runtime.restart("ticker");
    expect(await runtime.list()).toMatchObject([{ state: "running" }]);
    over.abort();
    await watching;
  });

  it("that cannot be asked say so", async () => {
    await expect(createSupervisorRuntime(join(stateDir, "nobody.sock")).list()).rejects.toMatchObject({
      details: { code: "dependency_unavailable" },
    });
  });
});
