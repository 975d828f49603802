import { readlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { allPids, commandOf, environmentOf, identify, isAlive, type ProcessId, signal } from "./processes.ts";

/** Variables that mark every process of a stack, and by inheritance whatever it starts. */
export const MARKS = {
  stateDir: "PENSTOCK_STATE_DIR",
  service: "PENSTOCK_SERVICE",
  runtimeDir: "PENSTOCK_RUNTIME_DIR",
  installing: "PENSTOCK_INSTALLING",
} as const;

/** A process that belongs to a stack. */
export interface StackProcess extends ProcessId {
  /** The service that started it, itself or through others: a Spark driver belongs to `spark-worker`. */
  readonly service: string;
  readonly command: string;
}

/**
 * Finds every living process of the stack with this state folder, but not this process.
 *
 * The state folder alone would not do: a user may have exported it in the shell that runs us.
 */
export function stackProcesses(stateDir: string): StackProcess[] {
  return find((environment, pid) => environment.get(MARKS.stateDir) === stateDir || isPostgresOf(stateDir, pid));
}

/** Processes of any stack that use what is installed in this runtime folder. */
export function servicesUsing(runtimeDir: string): StackProcess[] {
  return find((environment) => environment.get(MARKS.runtimeDir) === runtimeDir);
}

/** Programs of an install into this runtime folder whose launcher was killed: they would go on writing into it. */
export function orphanedInstallers(runtimeDir: string): StackProcess[] {
  const pids = allPids().filter(
    (pid) => pid !== process.pid && environmentOf(pid).get(MARKS.installing) === runtimeDir,
  );
  return pids.flatMap((pid) => {
    const id = identify(pid);
    return id ? [{ ...id, service: "install", command: commandOf(pid) }] : [];
  });
}

function find(matches: (environment: Map<string, string>, pid: number) => boolean): StackProcess[] {
  const found: StackProcess[] = [];
  for (const pid of allPids()) {
    if (pid === process.pid) continue;
    const environment = environmentOf(pid);
    const service =
      environment.get(MARKS.service) ?? (matches(environment, pid) && postgresTitle(pid) ? "postgres" : undefined);
    if (service === undefined || !matches(environment, pid)) continue;
    const id = identify(pid);
    if (id) found.push({ ...id, service, command: commandOf(pid) });
  }
  return found;
}

/** Children of Postgres write their titles over their environment: their working folder gives them away. */
function isPostgresOf(stateDir: string, pid: number): boolean {
  if (!postgresTitle(pid)) return false;
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === join(stateDir, "postgres");
  } catch {
    return false;
  }
}

function postgresTitle(pid: number): boolean {
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`)) === "postgres";
  } catch {
    return false;
  }
}

/** True for the Python side of a runner: asked by SIGTERM it drains its jobs. */
export function isRunner(process: StackProcess): boolean {
  return (
    /penstock_jobs[./]runner|runner\/main\.py/.test(process.command) &&
    // The whole path would not do: Java lies below a folder of that name, too, and a JVM must not be stopped before its
    // Python has drained.
    /(^|\/)python[\d.]*$/.test(process.command.split(" ")[0] ?? "")
  );
}

/**
 * Ends processes: first politely, then, when the patience is over, by SIGKILL.
 *
 * @param patienceMs how long they may take after the polite signal
 * @returns those that needed SIGKILL
 */
export async function endProcesses(processes: readonly StackProcess[], patienceMs: number): Promise<StackProcess[]> {
  // To Postgres SIGTERM means: wait until every client has gone.
  for (const process of processes) signal(process, process.service === "postgres" ? "SIGINT" : "SIGTERM");
  if (await allGone(processes, patienceMs)) return [];
  const stubborn = processes.filter(isAlive);
  for (const process of stubborn) signal(process, "SIGKILL");
  await allGone(stubborn, 5_000);
  return stubborn;
}

/** Waits until none of the processes lives; false when some still do after that many milliseconds. */
export async function allGone(processes: readonly ProcessId[], patienceMs: number): Promise<boolean> {
  const deadline = Date.now() + patienceMs;
  while (processes.some(isAlive)) {
    if (Date.now() >= deadline) return false;
    await delay(50);
  }
  return true;
}
