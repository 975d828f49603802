import { isRunner, type StackProcess, stackProcesses } from "../../infra/local/src/leftovers.ts";
import { identify, signal } from "../../infra/local/src/processes.ts";

/** The processes of the Spark applications' drivers: the JVM, and the Python that it runs. Linux only: read from /proc. */
export function driverProcesses(stateDir: string): StackProcess[] {
  return stackProcesses(stateDir).filter((process) => isDriverJvm(process) || isRunner(process));
}

/**
 * Kills the drivers' JVMs and Pythons at once, as a machine that runs out of memory would.
 * @returns what was killed
 * @throws when there is no driver
 */
export function killDrivers(stateDir: string): StackProcess[] {
  const victims = driverProcesses(stateDir);
  if (!victims.some(isDriverJvm)) throw new Error(`No Spark driver runs for ${stateDir}.`);
  for (const victim of victims) signal(victim, "SIGKILL");
  return victims;
}

/** True while one of the processes lives. */
export function anyAlive(processes: readonly StackProcess[]): boolean {
  return processes.some((process) => identify(process.pid)?.startTicks === process.startTicks);
}

function isDriverJvm(process: StackProcess): boolean {
  return process.command.includes("org.apache.spark.deploy.worker.DriverWrapper");
}
