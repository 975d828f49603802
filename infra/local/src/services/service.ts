import type { Secrets } from "../secrets.ts";
import type { Settings } from "../settings.ts";

/** What a service needs to know of the stack it runs in. */
export interface StackContext {
  readonly settings: Settings;
  readonly secrets: Secrets;
}

/** How a process is started. Its environment is exactly `env` and the marks of the stack: nothing is inherited. */
export interface Launch {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** One program of the stack, as the supervisor runs it. */
export interface Service {
  readonly name: string;
  readonly dependsOn: readonly string[];
  /** Services that must not be stopped before this one, though this one can start without them. */
  readonly stopsBefore?: readonly string[];
  /** Work before each start, such as formatting a data folder; must be repeatable. */
  prepare?(): Promise<void>;
  launch(): Launch;
  /** Work before the whole stack is stopped (not before a restart of this service alone). */
  beforeShutdown?(deadline: number): Promise<void>;
  /** True once the service does its work; asked again and again while its process lives. */
  isReady(): Promise<boolean>;
  /** How long it may take until it is ready, in milliseconds. */
  readonly readyWithinMs: number;
  readonly stopSignal: NodeJS.Signals;
  /** How long it may take to stop before it is killed, in milliseconds. */
  readonly stopWithinMs: number;
}
