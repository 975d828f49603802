import { request } from "node:http";
import type { StackReport } from "./local-stack.ts";
import { UserError } from "./user-error.ts";

const ANSWER_WITHIN_MS = 10_000;
/** A service has up to two minutes to become ready. */
const SERVICE_ACTION_WITHIN_MS = 130_000;

/** Asks the supervisor how its stack is; null when it does not listen (any more, or yet). */
export async function askSupervisor(socketPath: string): Promise<StackReport | null> {
  const answer = await call(socketPath, "GET", "/services");
  return answer === null ? null : (JSON.parse(answer) as StackReport);
}

/** Asks the supervisor to stop everything and end; false when it does not listen. */
export async function askShutdown(socketPath: string): Promise<boolean> {
  return (await call(socketPath, "POST", "/shutdown")) !== null;
}

export type ServiceAction = "start" | "stop" | "restart";

/** Asks the supervisor to start, stop or restart one service; returns when that is done. */
export async function askService(socketPath: string, service: string, action: ServiceAction): Promise<void> {
  const answer = await call(socketPath, "POST", `/services/${service}/${action}`, SERVICE_ACTION_WITHIN_MS);
  const problem = answer === null ? "no answer" : (JSON.parse(answer) as { error?: string }).error;
  if (problem !== undefined) throw new UserError(`The supervisor could not ${action} ${service}: ${problem}`);
}

async function call(
  socketPath: string,
  method: string,
  path: string,
  withinMs = ANSWER_WITHIN_MS,
): Promise<string | null> {
  return await new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path, timeout: withinMs }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => (body += chunk));
      response.on("end", () => resolve(body));
      response.on("error", () => resolve(null));
    });
    outgoing.on("timeout", () => {
      reject(new UserError(`The supervisor does not answer on ${socketPath} within ${withinMs / 1000} s.`));
      outgoing.destroy();
    });
    outgoing.on("error", () => resolve(null));
    outgoing.end();
  });
}
