import { parseLogPage } from "../domain/log-text.ts";
import { dependencyUnavailable } from "../domain/problem.ts";
import type { WorkerLogs } from "../services/logs.ts";

/** Logs of drivers and executors from the web pages of Spark's workers, wherever those run. */
export function createWorkerLogs(timeoutMs = 5_000): WorkerLogs {
  async function get(url: URL): Promise<string> {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
      const text = await response.text();
      if (response.ok) return text;
      throw new Error(`status ${response.status}`);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw dependencyUnavailable("Spark worker", `The Spark worker at ${url.host} does not answer: ${reason}`, error);
    }
  }

  return {
    async read(worker, { owner, stream }, range) {
      const url = new URL("/log/", worker);
      const parameters = { ...owner, logType: stream, ...range };
      for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, String(value));
      return parseLogPage(await get(url));
    },

    async executors(worker, application) {
      const state = JSON.parse(await get(new URL("/json/", worker))) as Record<string, unknown>;
      const list = (name: string, running: boolean) =>
        (Array.isArray(state[name]) ? (state[name] as Record<string, unknown>[]) : [])
          .filter((executor) => executor.appid === application)
          .map((executor) => ({ id: String(executor.id), running }));
      return [...list("executors", true), ...list("finishedexecutors", false)];
    },
  };
}
