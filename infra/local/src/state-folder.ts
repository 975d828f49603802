import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { lockHolder } from "../bootstrap/lock.mjs";
import { UserError } from "./user-error.ts";

// The kernel keeps a socket's path in 108 bytes.
const LONGEST_SOCKET_PATH = 107;

/** Where the supervisor of a stack leaves its traces. */
export interface StateFolder {
  readonly dir: string;
  readonly socket: string;
  readonly lock: string;
  readonly logs: string;
}

/** @throws UserError when the path is too long for a socket below it */
export function stateFolder(dir: string): StateFolder {
  const socket = join(dir, "run", "supervisor.sock");
  const excess = Buffer.byteLength(socket) - LONGEST_SOCKET_PATH;
  if (excess > 0) {
    throw new UserError(
      `PENSTOCK_STATE_DIR is "${dir}": that is ${excess} bytes too long for the socket in it; choose a shorter path.`,
    );
  }
  return { dir, socket, lock: join(dir, "run", "supervisor.lock"), logs: join(dir, "logs") };
}

/** Makes the folders a stack needs before anything runs. */
export function makeStateFolder(folder: StateFolder): void {
  mkdirSync(join(folder.dir, "run"), { recursive: true });
  mkdirSync(folder.logs, { recursive: true });
}

/** The pid of the supervisor that runs this stack; null when none does. */
export function runningSupervisor(folder: StateFolder): number | null {
  return lockHolder(folder.lock)?.pid ?? null;
}
