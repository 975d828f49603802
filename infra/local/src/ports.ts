import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { allPids, commandOf } from "./processes.ts";
import { PORTS, type PortName, type Settings } from "./settings.ts";
import { UserError } from "./user-error.ts";

const LISTENING = "0A";
const SHOWN_COMMAND = 80;

/**
 * Checks that every port of the stack is free.
 *
 * @throws UserError naming each that is not, the process that holds it and the setting to change
 */
export async function checkPorts({ host, listen, ports }: Pick<Settings, "host" | "listen" | "ports">): Promise<void> {
  const problems: string[] = [];
  if (listen !== host) {
    const code = await bindError(listen, ports.controlPlane);
    if (code === "EADDRNOTAVAIL") problems.push(`PENSTOCK_LISTEN is ${listen}: this machine has no such address.`);
    // The loopback address is looked at with the others.
    else if (code !== null && (await bindError(host, ports.controlPlane)) === null) {
      problems.push(
        `Port ${ports.controlPlane} of the control plane ${describe(code, ports.controlPlane)} at ${listen}: set PENSTOCK_PORT to another port.`,
      );
    }
  }
  for (const [name, port] of Object.entries(ports) as [PortName, number][]) {
    const code = await bindError(host, port);
    if (code === null) continue;
    const { setting, of } = PORTS[name];
    problems.push(`Port ${port} of ${of} ${describe(code, port)}: set ${setting} to another port.`);
  }
  if (problems.length === 0) return;
  if (problems.length > 1) problems.push("PENSTOCK_PORT_OFFSET moves all ports at once.");
  throw new UserError(problems.join("\n"));
}

async function bindError(host: string, port: number): Promise<string | null> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

function describe(code: string, port: number): string {
  if (code !== "EADDRINUSE") return `cannot be opened (${code})`;
  const holder = portHolder(port);
  if (!holder) return "is taken by a process that cannot be seen from here";
  return `is taken by pid ${holder.pid} (${holder.command.slice(0, SHOWN_COMMAND)})`;
}

/** The process that listens on a TCP port, as far as this account may see it. */
export function portHolder(port: number): { pid: number; command: string } | null {
  const inodes = new Set([...listeningInodes("/proc/net/tcp", port), ...listeningInodes("/proc/net/tcp6", port)]);
  if (inodes.size === 0) return null;
  for (const pid of allPids()) {
    if (openSockets(pid).some((inode) => inodes.has(inode))) return { pid, command: commandOf(pid) };
  }
  return null;
}

function listeningInodes(table: string, port: number): string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  let text: string;
  try {
    text = readFileSync(table, "utf8");
  } catch {
    return [];
  }
  return text
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === LISTENING && fields[1]?.endsWith(wanted))
    .map((fields) => fields[9] ?? "");
}

function openSockets(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const match = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`));
      return match?.[1] ? [match[1]] : [];
    });
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
