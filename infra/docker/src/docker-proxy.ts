// Stands between the control plane and the Docker engine, whose socket is as good as root on the host: it lets through a
// few calls about containers of this project, and no other. The control plane itself never has the socket.
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { hostname } from "node:os";
import { allowedCall, PROJECT_LABEL } from "./docker-calls.ts";

const SOCKET = "/var/run/docker.sock";
const PORT = 2375;

interface Inspected {
  Id: string;
  Config: { Labels: Record<string, string> };
}

const own = await inspect(hostname());
const project = own?.Config.Labels[PROJECT_LABEL];
if (own === null || project === undefined) {
  console.error(`The Docker engine at ${SOCKET} does not know this container as part of a Compose project.`);
  process.exit(1);
}
createServer((asked, answer) => {
  pass(asked, answer, own.Id, project).catch((error: Error) => refuse(answer, 502, error.message));
}).listen(PORT, () => console.log(`Calls about containers of the project ${project} are let through.`));
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => process.exit(0));

async function pass(asked: IncomingMessage, answer: ServerResponse, self: string, project: string): Promise<void> {
  const call = allowedCall(asked.method ?? "", asked.url ?? "", project);
  if (call === null) return refuse(answer, 403, `${asked.method} ${asked.url} is not among the calls that are allowed`);
  if (call.container !== null) {
    const found = await inspect(call.container);
    if (found?.Config.Labels[PROJECT_LABEL] !== project) return refuse(answer, 404, `No such container in ${project}`);
    if (call.changes && found.Id === self) return refuse(answer, 403, "This container is the way to the engine itself");
  }
  // No body is sent on: none of the calls has one.
  asked.resume();
  const sent = request({ socketPath: SOCKET, method: asked.method, path: call.path }, (answered) => {
    answer.writeHead(answered.statusCode ?? 502, answered.headers);
    answered.pipe(answer);
  });
  sent.on("error", (error) => refuse(answer, 502, error.message));
  answer.on("close", () => sent.destroy());
  sent.end();
}

function refuse(answer: ServerResponse, status: number, message: string): void {
  if (answer.headersSent) answer.destroy();
  else answer.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ message }));
}

/** @returns null where there is no such container */
async function inspect(container: string): Promise<Inspected | null> {
  return await new Promise((resolve, reject) => {
    const sent = request({ socketPath: SOCKET, path: `/containers/${container}/json` }, (answered) => {
      let text = "";
      answered.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      answered.on("end", () => resolve(answered.statusCode === 200 ? (JSON.parse(text) as Inspected) : null));
    });
    sent.on("error", reject);
    sent.end();
  });
}
