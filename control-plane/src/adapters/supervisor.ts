import { open } from "node:fs/promises";
import { request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { dependencyUnavailable } from "../domain/problem.ts";
import type { ServiceRuntime, ServiceState, ServiceStats, ServiceView } from "../services/runtime/ports.ts";

/** A service as `GET /services` of the supervisor's socket tells it (docs/contracts.md §7). */
interface Reported {
  name: string;
  state: "stopped" | "starting" | "running" | "waiting" | "stopping";
  restarts: number;
  startedAt: string | null;
  lastEnd: string | null;
  logFile: string;
  memoryBytes: number;
  cpuSeconds: number;
}

const ANSWER_WITHIN_MS = 10_000;
/** A service has up to two minutes to become ready. */
const ACTION_WITHIN_MS = 130_000;
const WATCH_EVERY_MS = 2_000;
const FOLLOW_EVERY_MS = 250;
const SAMPLE_MS = 400;
const TAIL_BYTES = 1_048_576;

/** The launcher's supervisor on this machine, at its unix socket. */
export function createSupervisorRuntime(socketPath: string): ServiceRuntime {
  async function reports(): Promise<Reported[]> {
    return (JSON.parse(await call(socketPath, "GET", "/services", ANSWER_WITHIN_MS)) as { services: Reported[] })
      .services;
  }
  async function find(name: string): Promise<Reported> {
    const found = (await reports()).find((report) => report.name === name);
    if (found === undefined) throw dependencyUnavailable("Supervisor", `The supervisor knows no ${name} any more`);
    return found;
  }
  const act = (action: string) => async (name: string) => {
    await call(socketPath, "POST", `/services/${name}/${action}`, ACTION_WITHIN_MS);
  };

  return {
    kind: "local",
    list: async () => (await reports()).map(toView).sort((a, b) => (a.name < b.name ? -1 : 1)),
    stats: async (name) => {
      const before = await find(name);
      const at = performance.now();
      await delay(SAMPLE_MS);
      return toStats(before, await find(name), (performance.now() - at) / 1000);
    },
    start: act("start"),
    stop: act("stop"),
    restart: act("restart"),
    logs: async (name, lines) => (await tail((await find(name)).logFile)).lines.slice(-lines),

    async *follow(name, lines, signal) {
      const { logFile } = await find(name);
      const start = await tail(logFile);
      if (lines > 0)
        yield start.lines
          .slice(-lines)
          .map((line) => `${line}\n`)
          .join("");
      let position = start.size;
      while (!signal.aborted) {
        const added = await readFrom(logFile, position);
        position = added.size;
        if (added.text !== "") yield added.text;
        else await delay(FOLLOW_EVERY_MS, undefined, { signal }).catch(() => undefined);
      }
    },

    async watch(onChange, signal) {
      const known = new Map<string, string>();
      while (!signal.aborted) {
        for (const { name, state, lastEnd, restarts } of await reports().catch(() => [])) {
          const before = known.get(name);
          known.set(name, state);
          if (before !== undefined && before !== state)
            onChange({ name, what: state, detail: { from: before, restarts, lastEnd } });
        }
        await delay(WATCH_EVERY_MS, undefined, { signal }).catch(() => undefined);
      }
    },
  };
}

const STATES: Readonly<Record<Reported["state"], ServiceState>> = {
  stopped: "stopped",
  starting: "starting",
  running: "running",
  waiting: "restarting",
  stopping: "stopping",
};

function toView({ name, state, lastEnd, restarts, startedAt }: Reported): ServiceView {
  const runs = state === "running" || state === "starting";
  return {
    name,
    state: STATES[state],
    health: state === "running" ? "healthy" : state === "starting" ? "starting" : null,
    reason: state === "waiting" ? lastEnd : null,
    restarts,
    image: null,
    startedAt: runs && startedAt !== null ? new Date(startedAt) : null,
  };
}

function toStats(before: Reported, after: Reported, seconds: number): ServiceStats {
  const used = Math.max(0, after.cpuSeconds - before.cpuSeconds);
  return {
    cpuPercent: Math.round((used / seconds) * 1000) / 10,
    memoryBytes: after.memoryBytes,
    memoryLimitBytes: null,
  };
}

async function tail(path: string): Promise<{ lines: string[]; size: number }> {
  const { text, size } = await readFrom(path, null);
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return { lines, size };
}

/** @param position null for the last megabyte; a file that is shorter was rotated and is read from its beginning */
async function readFrom(path: string, position: number | null): Promise<{ text: string; size: number }> {
  const file = await open(path).catch(() => null);
  if (file === null) return { text: "", size: 0 };
  try {
    const { size } = await file.stat();
    const from = position === null ? Math.max(0, size - TAIL_BYTES) : position > size ? 0 : position;
    const { bytesRead, buffer } = await file.read({
      buffer: Buffer.alloc(Math.min(size - from, TAIL_BYTES)),
      position: from,
    });
    return { text: buffer.toString("utf8", 0, bytesRead), size: from + bytesRead };
  } finally {
    await file.close();
  }
}

/** @throws Problem with what the supervisor says */
async function call(socketPath: string, method: string, path: string, withinMs: number): Promise<string> {
  try {
    return await new Promise((resolve, reject) => {
      const sent = request({ socketPath, method, path, timeout: withinMs }, (answer) => {
        let body = "";
        answer.setEncoding("utf8").on("data", (chunk: string) => {
          body += chunk;
        });
        answer.on("error", reject);
        answer.on("end", () => {
          if (answer.statusCode === 200) resolve(body);
          else reject(new Error((JSON.parse(body) as { error?: string }).error ?? `status ${answer.statusCode}`));
        });
      });
      sent.on("timeout", () => sent.destroy(new Error(`no answer within ${withinMs / 1000} s`)));
      sent.on("error", reject);
      sent.end();
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw dependencyUnavailable("Supervisor", `The supervisor of this machine does not do it: ${reason}`, error);
  }
}
