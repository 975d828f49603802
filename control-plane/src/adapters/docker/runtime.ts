import { PassThrough } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type Docker from "dockerode";
import { dependencyUnavailable, Problem } from "../../domain/problem.ts";
import type { ServiceChange, ServiceRuntime, ServiceState, ServiceView } from "../../services/runtime/ports.ts";
import { type Container, type DockerEngine, instanceName } from "./engine.ts";

const AGAIN_MS = 2_000;
/** What the engine's words for an event mean; others are not told. */
const CHANGES: Readonly<Record<string, string>> = {
  start: "started",
  die: "died",
  oom: "out of memory",
  pause: "paused",
  unpause: "resumed",
  "health_status: healthy": "healthy",
  "health_status: unhealthy": "unhealthy",
};

/** Containers of one Compose project as services. */
export function createDockerRuntime(engine: DockerEngine): ServiceRuntime {
  const { docker, patient } = engine;

  async function find(name: string, client = docker): Promise<Docker.Container> {
    const found = (await engine.containers()).find((container) => container.name === name);
    if (found === undefined) throw new Error(`${name} is gone`);
    return client.getContainer(found.id);
  }

  return {
    kind: "docker",
    list: () =>
      asked(async () => {
        const containers = await engine.containers();
        const views = await Promise.all(containers.map((container) => inspect(docker, container)));
        return views.filter((view) => view !== null).sort((a, b) => (a.name < b.name ? -1 : 1));
      }),

    stats: (name) =>
      asked(async () => {
        const container = await find(name);
        const { cpu_stats: now, precpu_stats: before, memory_stats: memory } = await container.stats({ stream: false });
        const system = now.system_cpu_usage - before.system_cpu_usage;
        const share = system > 0 ? (now.cpu_usage.total_usage - before.cpu_usage.total_usage) / system : 0;
        // The page cache is the host's to take back.
        const cache = memory.stats.inactive_file ?? memory.stats.total_inactive_file ?? 0;
        return {
          cpuPercent: Math.round(share * (now.online_cpus || 1) * 1000) / 10,
          memoryBytes: memory.usage - cache,
          memoryLimitBytes: memory.limit,
        };
      }),

    start: (name) => asked(async () => ignoringNothingToDo((await find(name, patient)).start())),
    stop: (name) => asked(async () => ignoringNothingToDo((await find(name, patient)).stop())),
    restart: (name) => asked(async () => void (await (await find(name, patient)).restart())),

    logs: (name, lines) =>
      asked(async () => {
        const container = await find(name);
        const content = await container.logs({ stdout: true, stderr: true, tail: lines, follow: false });
        const text = withoutHeaders(content).toString("utf8");
        return text === "" ? [] : text.replace(/\n$/, "").split("\n");
      }),

    async *follow(name, lines, signal) {
      const raw = await asked(async () =>
        (await find(name, patient)).logs({ stdout: true, stderr: true, tail: lines, follow: true }),
      );
      const text = new PassThrough({ encoding: "utf8" });
      docker.modem.demuxStream(raw, text, text);
      raw.once("end", () => text.end()).once("error", () => text.end());
      signal.addEventListener("abort", () => text.end(), { once: true });
      try {
        for await (const part of text) yield String(part);
      } finally {
        (raw as NodeJS.ReadableStream & { destroy(): void }).destroy();
      }
    },

    async watch(onChange, signal) {
      while (!signal.aborted) {
        await followEvents(engine, onChange, signal).catch(() => undefined);
        await delay(AGAIN_MS, undefined, { signal }).catch(() => undefined);
      }
    },
  };
}

async function followEvents(
  engine: DockerEngine,
  onChange: (change: ServiceChange) => void,
  signal: AbortSignal,
): Promise<void> {
  const filters = { ...engine.filter, type: ["container" as const] };
  const stream = (await engine.patient.getEvents({ filters })) as NodeJS.ReadableStream & { destroy(): void };
  signal.addEventListener("abort", () => stream.destroy(), { once: true });
  let rest = "";
  for await (const part of stream) {
    const lines = (rest + String(part)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") tell(JSON.parse(line), onChange);
  }
}

interface EngineEvent {
  Action: string;
  Actor: { Attributes: Record<string, string> };
}

function tell({ Action, Actor: { Attributes } }: EngineEvent, onChange: (change: ServiceChange) => void): void {
  const what = CHANGES[Action];
  if (what === undefined || Attributes["com.docker.compose.oneoff"] === "True") return;
  const detail = what === "died" ? { exitCode: Number(Attributes.exitCode) } : {};
  onChange({ name: instanceName(Attributes), what, detail });
}

/** @returns null for one that is gone by now */
async function inspect(docker: Docker, { id, name, image }: Container): Promise<ServiceView | null> {
  try {
    const { State, RestartCount } = await docker.getContainer(id).inspect();
    const health = State.Health?.Status;
    return {
      name,
      state: stateOf(State),
      health: health === "healthy" || health === "unhealthy" || health === "starting" ? health : null,
      reason: reasonOf(State),
      restarts: RestartCount,
      image,
      startedAt: State.Running ? new Date(State.StartedAt) : null,
    };
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}

type Inspected = Awaited<ReturnType<Docker.Container["inspect"]>>["State"];

function stateOf({ Status, ExitCode, Health }: Inspected): ServiceState {
  switch (Status as string) {
    case "running":
      return Health?.Status === "starting" ? "starting" : "running";
    case "paused":
      return "paused";
    case "restarting":
      return "restarting";
    case "removing":
      return "stopping";
    case "created":
      return "stopped";
    default:
      return ExitCode === 0 || ExitCode === 143 ? "stopped" : "failed";
  }
}

function reasonOf({ Running, OOMKilled, ExitCode, Error: problem }: Inspected): string | null {
  if (Running || (ExitCode === 0 && !problem)) return null;
  if (OOMKilled) return "it needed more memory than its limit, and was killed";
  return problem || `it ended with exit code ${ExitCode}`;
}

/** The engine puts 8 bytes before each piece of output, of which the last four say how long it is. */
function withoutHeaders(content: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at + 8 <= content.length; ) {
    const length = content.readUInt32BE(at + 4);
    parts.push(content.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return Buffer.concat(parts);
}

/** 304: it is that already. */
async function ignoringNothingToDo(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (statusOf(error) !== 304) throw error;
  });
}

function statusOf(error: unknown): number | undefined {
  return error instanceof Error && "statusCode" in error ? Number(error.statusCode) : undefined;
}

/** What the engine says, without the status that its client puts before it. */
function wordsOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^\(HTTP code \d+\) [^-]*- /, "").trim();
}

/** Puts what the engine answers into words. */
async function asked<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Problem) throw error;
    const reason = wordsOf(error);
    if (statusOf(error) !== 403)
      throw dependencyUnavailable("Docker", `The Docker engine does not do it: ${reason}`, error);
    throw new Problem({
      status: 409,
      code: "conflict",
      title: "This container is not for the API to touch",
      detail: reason,
      next: "Use docker compose on the machine itself.",
    });
  }
}
