import { chmodSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { StackReport } from "./local-stack.ts";
import { UserError } from "./user-error.ts";

/** What can be asked of a running stack. */
export interface StackControl {
  report(): StackReport;
  start(service: string): Promise<void>;
  stop(service: string): Promise<void>;
  shutdown(): void;
}

export interface ControlSocket {
  close(): Promise<void>;
}

const ACTION = /^\/services\/([a-z-]+)\/(start|stop|restart)$/;

/** Serves the HTTP API of docs/contracts.md, section 7, on a unix socket that only this account can use. */
export async function openControlSocket(path: string, control: StackControl): Promise<ControlSocket> {
  // Whoever holds the lock owns the path: what lies there is of a dead supervisor.
  rmSync(path, { force: true });
  const server = createServer((request, response) => {
    answer(control, request).then(
      ({ status, body }) => send(response, status, body),
      (error: unknown) => {
        const known = error instanceof UserError;
        send(response, known ? 404 : 500, { error: error instanceof Error ? error.message : String(error) });
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  chmodSync(path, 0o600);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(control: StackControl, request: IncomingMessage): Promise<{ status: number; body: unknown }> {
  const { method, url = "" } = request;
  if (method === "GET" && url === "/services") return { status: 200, body: control.report() };
  if (method === "POST" && url === "/shutdown") {
    // After this answer is out: the shutdown closes the connections.
    setTimeout(() => control.shutdown(), 50);
    return { status: 202, body: { state: "stopping" } };
  }
  const [, service = "", action] = ACTION.exec(url) ?? [];
  if (method !== "POST" || !action) return { status: 404, body: { error: `There is no ${method} ${url} here.` } };
  if (action !== "start") await control.stop(service);
  if (action !== "stop") await control.start(service);
  return { status: 200, body: control.report().services.find(({ name }) => name === service) };
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
