import { rmSync, statfsSync } from "node:fs";
import { freemem } from "node:os";
import { tryLock } from "../bootstrap/lock.mjs";
import { type ControlSocket, openControlSocket } from "./control-socket.ts";
import { FirstWindow } from "./first-window.ts";
import { endProcesses, stackProcesses } from "./leftovers.ts";
import { type MemoryReport, measureMemory } from "./memory-report.ts";
import { checkPorts } from "./ports.ts";
import { loadSecrets } from "./secrets.ts";
import { forgetApplications } from "./services/spark-master.ts";
import { stackServices } from "./services/stack.ts";
import type { Settings } from "./settings.ts";
import { makeStateFolder, stateFolder } from "./state-folder.ts";
import type { ServiceReport } from "./supervised-service.ts";
import { Supervisor } from "./supervisor.ts";
import { UserError } from "./user-error.ts";

const STOP_WITHIN_MS = 18_000;
const LEFTOVERS_PATIENCE_MS = 5_000;
const LITTLE_MEMORY_BYTES = 4e9;

/** What `GET /services` answers. */
export interface StackReport {
  readonly supervisor: {
    readonly pid: number;
    readonly state: "starting" | "running" | "stopping";
    readonly startedAt: string;
  };
  readonly services: readonly (ServiceReport & { readonly memoryBytes: number; readonly cpuSeconds: number })[];
  readonly memory: MemoryReport;
  /** Seconds from the start to the first revenue window; null as long as there is none. */
  readonly firstRevenueWindowSeconds: number | null;
  readonly disk: { readonly freeBytes: number; readonly warn: boolean };
}

/** One stack, run by this process. */
export class LocalStack {
  /** Settles when everything has stopped, for whatever reason. */
  readonly stopped: Promise<void>;
  readonly #settings: Settings;
  readonly #supervisor: Supervisor;
  readonly #firstWindow: FirstWindow;
  readonly #lock: { release: () => void };
  readonly #startedAt: number;
  readonly #say: (line: string) => void;
  #socket: ControlSocket | null = null;
  #state: "starting" | "running" | "stopping" = "starting";
  #stopping: Promise<void> | null = null;
  #settleStopped: () => void = () => {};

  private constructor(
    settings: Settings,
    supervisor: Supervisor,
    lock: { release: () => void },
    startedAt: number,
    say: (line: string) => void,
  ) {
    this.#say = say;
    this.#settings = settings;
    this.#supervisor = supervisor;
    this.#lock = lock;
    this.#startedAt = startedAt;
    this.#firstWindow = new FirstWindow(settings, startedAt);
    this.stopped = new Promise((resolve) => {
      this.#settleStopped = resolve;
    });
  }

  /**
   * Prepares a stack without starting its services: takes its lock, ends what an earlier life left running, checks ports.
   *
   * @throws UserError when it runs already or a port is taken
   */
  static async open(settings: Settings, say: (line: string) => void): Promise<LocalStack> {
    const startedAt = Date.now();
    const folder = stateFolder(settings.stateDir);
    makeStateFolder(folder);
    const lock = tryLock(folder.lock);
    if ("pid" in lock) throw new UserError(alreadyRunning(lock.pid));
    try {
      await endLeftovers(settings.stateDir, say);
      await checkPorts(settings);
      warnOfLittleMemory(say);
      forgetApplications(settings.stateDir);
      const supervisor = new Supervisor({
        services: stackServices({ settings, secrets: loadSecrets(settings.stateDir) }),
        stateDir: settings.stateDir,
        runtimeDir: settings.runtime.dir,
        logSize: settings.logSize,
        onReady: (name, seconds) => say(`${name} ready after ${seconds.toFixed(1)} s`),
      });
      const stack = new LocalStack(settings, supervisor, lock, startedAt, say);
      stack.#socket = await openControlSocket(folder.socket, {
        report: () => stack.report(),
        start: (name) => supervisor.startOne(name),
        stop: (name) => supervisor.stopOne(name),
        shutdown: () => void stack.stop(),
      });
      return stack;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** Starts all services. @throws UserError of the first that does not start */
  async start(): Promise<void> {
    this.#say(
      `Starting ${this.#supervisor
        .reports()
        .map(({ name }) => name)
        .join(", ")} …`,
    );
    this.#firstWindow.watch();
    await this.#supervisor.start();
    if (this.#state === "starting") this.#state = "running";
  }

  /** Settles with the seconds from the start to the first revenue window. */
  get firstRevenueWindow(): Promise<number> {
    return this.#firstWindow.seen;
  }

  /** Stops all services in reverse order and makes sure that nothing of the stack is left. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Kills everything at once. */
  async kill(): Promise<void> {
    await endProcesses(stackProcesses(this.#settings.stateDir), 0);
  }

  report(): StackReport {
    const reports = this.#supervisor.reports();
    const memory = measureMemory(this.#settings.stateDir, new Set(reports.flatMap(({ pid }) => pid ?? [])));
    const { bavail, bsize } = statfsSync(this.#settings.stateDir);
    return {
      supervisor: { pid: process.pid, state: this.#state, startedAt: new Date(this.#startedAt).toISOString() },
      services: reports.map((report) => ({
        ...report,
        memoryBytes: memory.services[report.name] ?? 0,
        cpuSeconds: memory.processorSeconds[report.name] ?? 0,
      })),
      memory,
      firstRevenueWindowSeconds: this.#firstWindow.seconds,
      disk: { freeBytes: bavail * bsize, warn: bavail * bsize < this.#settings.diskWarn.bytes },
    };
  }

  async #stop(): Promise<void> {
    this.#state = "stopping";
    this.#firstWindow.forget();
    await this.#supervisor.stop(STOP_WITHIN_MS);
    await endProcesses(stackProcesses(this.#settings.stateDir), 500);
    await this.#socket?.close();
    this.#lock.release();
    this.#settleStopped();
  }
}

/** What a user reads who starts a stack that runs. */
export function alreadyRunning(pid: number): string {
  return `Penstock is already running (pid ${pid}): "npm run status" shows it, "npm run down" stops it.`;
}

async function endLeftovers(stateDir: string, say: (line: string) => void): Promise<void> {
  const leftovers = stackProcesses(stateDir);
  if (leftovers.length > 0) {
    say(
      `Ending ${leftovers.length} processes that an earlier run left behind (${[...new Set(leftovers.map(({ service }) => service))].join(", ")})`,
    );
    await endProcesses(leftovers, LEFTOVERS_PATIENCE_MS);
  }
  // No Postgres of this folder lives now; its old pid may belong to anything and would keep it from starting.
  rmSync(`${stateDir}/postgres/postmaster.pid`, { force: true });
}

function warnOfLittleMemory(say: (line: string) => void): void {
  const free = process.availableMemory?.() ?? freemem();
  if (free < LITTLE_MEMORY_BYTES)
    say(
      `Warning: ${(free / 1e9).toFixed(1)} GB of memory are free; the stack needs about 4 GB and may get slow or be killed.`,
    );
}
