import { stackProcesses } from "./leftovers.ts";
import { residentMemory } from "./processes.ts";
import { processorSeconds } from "./processor-time.ts";

/** Resident memory of a stack in bytes. Pages that processes share are counted in each. */
export interface MemoryReport {
  readonly total: number;
  readonly supervisor: number;
  /** Of each service, with all processes that it started itself. */
  readonly services: Readonly<Record<string, number>>;
  /** Seconds of processor time of the same processes, for differences between two looks. */
  readonly processorSeconds: Readonly<Record<string, number>>;
  /** Of Spark's drivers, executors and their Python processes. */
  readonly sparkApplications: number;
}

/**
 * Measures every process of the stack.
 *
 * @param mains the pids of the services' own processes: whatever else `spark-worker` started is an application
 */
export function measureMemory(stateDir: string, mains: ReadonlySet<number>): MemoryReport {
  const processes = stackProcesses(stateDir);
  const resident = residentMemory([process.pid, ...processes.map(({ pid }) => pid)]);
  const services: Record<string, number> = {};
  const seconds: Record<string, number> = {};
  let sparkApplications = 0;
  let total = 0;
  for (const { pid, service } of processes) {
    const bytes = resident.get(pid)?.bytes ?? 0;
    total += bytes;
    if (service === "spark-worker" && !mains.has(pid)) sparkApplications += bytes;
    else {
      services[service] = (services[service] ?? 0) + bytes;
      seconds[service] = (seconds[service] ?? 0) + processorSeconds(pid);
    }
  }
  const supervisor = resident.get(process.pid)?.bytes ?? 0;
  return { total: total + supervisor, supervisor, services, processorSeconds: seconds, sparkApplications };
}
