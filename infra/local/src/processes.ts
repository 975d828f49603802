import { existsSync, readdirSync, readFileSync } from "node:fs";
import { startTicks } from "../bootstrap/lock.mjs";

/** A process, known by its pid and the moment it started, so that a reused pid is not taken for it. */
export interface ProcessId {
  readonly pid: number;
  readonly startTicks: string;
}

// Resident pages are 4 KiB on every system this runs on but for some arm64 kernels; VmRSS in status is in KiB anywhere.
const RESIDENT = /^VmRSS:\s+(\d+) kB$/m;
const PARENT = /^PPid:\s+(\d+)$/m;

/** All pids of this machine that /proc shows. Empty where there is no /proc. */
export function allPids(): number[] {
  if (!existsSync("/proc/self")) return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** The process as it lives now, or null. */
export function identify(pid: number): ProcessId | null {
  const ticks = startTicks(pid);
  return ticks === null ? null : { pid, startTicks: ticks };
}

/** True while that very process lives (a zombie does not). */
export function isAlive(process: ProcessId): boolean {
  return startTicks(process.pid) === process.startTicks;
}

/** Sends a signal to that very process; false when it is gone. */
export function signal(target: ProcessId, name: NodeJS.Signals): boolean {
  if (!isAlive(target)) return false;
  try {
    process.kill(target.pid, name);
    return true;
  } catch {
    return false;
  }
}

/** The environment a process was started with; empty when it cannot be read. */
export function environmentOf(pid: number): Map<string, string> {
  const environment = new Map<string, string>();
  for (const entry of readProc(pid, "environ").split("\0")) {
    const equals = entry.indexOf("=");
    if (equals > 0) environment.set(entry.slice(0, equals), entry.slice(equals + 1));
  }
  return environment;
}

/** The command line, with blanks between the arguments; empty when it cannot be read. */
export function commandOf(pid: number): string {
  return readProc(pid, "cmdline").replaceAll("\0", " ").trim();
}

/** Resident memory in bytes and the parent, of each of the processes that live. */
export function residentMemory(pids: Iterable<number>): Map<number, { bytes: number; parent: number }> {
  const found = new Map<number, { bytes: number; parent: number }>();
  for (const pid of pids) {
    const status = readProc(pid, "status");
    if (!status) continue;
    found.set(pid, {
      bytes: Number(RESIDENT.exec(status)?.[1] ?? 0) * 1024,
      parent: Number(PARENT.exec(status)?.[1] ?? 0),
    });
  }
  return found;
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
