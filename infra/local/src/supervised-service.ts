import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, writeSync } from "node:fs";
import { type Backoff, waitAfter } from "./backoff.ts";
import { type LogFile, lastLines } from "./log-file.ts";
import { identify, type ProcessId, signal } from "./processes.ts";
import type { Service } from "./services/service.ts";
import { UserError } from "./user-error.ts";

export type ServiceState = "stopped" | "starting" | "running" | "waiting" | "stopping";

/** How one service is at the moment. */
export interface ServiceReport {
  readonly name: string;
  /** `waiting`: it died and is started again after a pause. */
  readonly state: ServiceState;
  readonly pid: number | null;
  readonly restarts: number;
  readonly startedAt: string | null;
  /** How it last ended without being asked to, such as `exit code 1`. */
  readonly lastEnd: string | null;
  readonly logFile: string;
}

const READY_POLL_MS = 200;
const STARTS_BEFORE_GIVING_UP = 3;
const SHOWN_LOG_LINES = 15;

/** Keeps the process of one service alive: starts it, waits until it is ready, starts it again when it dies. */
export class SupervisedService {
  readonly service: Service;
  readonly log: LogFile;
  readonly #marks: Readonly<Record<string, string>>;
  readonly #backoff: Backoff;
  #state: ServiceState = "stopped";
  #child: ChildProcess | null = null;
  #identity: ProcessId | null = null;
  #ended: Promise<string> = Promise.resolve("");
  #startedAt: number | null = null;
  #restarts = 0;
  #failures = 0;
  #lastEnd: string | null = null;
  #restartTimer: NodeJS.Timeout | null = null;
  /** Grows with every start and stop, so that what an earlier one left waiting knows that it is out of date. */
  #turn = 0;

  /** @param marks variables that its process, and whatever that starts, is known by */
  constructor(service: Service, log: LogFile, marks: Readonly<Record<string, string>>, backoff: Backoff) {
    this.service = service;
    this.log = log;
    this.#marks = marks;
    this.#backoff = backoff;
  }

  report(): ServiceReport {
    return {
      name: this.service.name,
      state: this.#state,
      pid: this.#identity?.pid ?? null,
      restarts: this.#restarts,
      startedAt: this.#startedAt === null ? null : new Date(this.#startedAt).toISOString(),
      lastEnd: this.#lastEnd,
      logFile: this.log.path,
    };
  }

  /**
   * Starts the service and waits until it is ready.
   *
   * @throws UserError when it ends or does not get ready several times in a row; the end of its log is in the message
   */
  async start(): Promise<void> {
    if (this.#state === "running") return;
    this.#cancelRestart();
    const turn = ++this.#turn;
    for (let attempt = 1; ; attempt++) {
      const failure = await this.#startOnce(turn);
      if (failure === null || turn !== this.#turn) return;
      if (attempt === STARTS_BEFORE_GIVING_UP) {
        this.#state = "stopped";
        const tail = lastLines(this.log.path, SHOWN_LOG_LINES).map((line) => `  | ${line}`);
        throw new UserError(
          `${this.service.name} does not start (${failure}). The end of ${this.log.path}:\n${tail.join("\n")}`,
        );
      }
      this.#state = "waiting";
      await new Promise((resolve) => setTimeout(resolve, waitAfter(attempt, this.#backoff)));
      if (turn !== this.#turn) return;
    }
  }

  /** Stops the service; kills it at the deadline (milliseconds since 1970), or when its own patience is over. */
  async stop(deadline = Number.POSITIVE_INFINITY): Promise<void> {
    this.#turn++;
    this.#cancelRestart();
    const identity = this.#identity;
    if (!identity) {
      this.#state = "stopped";
      return;
    }
    this.#state = "stopping";
    signal(identity, this.service.stopSignal);
    const patience = Math.min(this.service.stopWithinMs, Math.max(0, deadline - Date.now()));
    const timer = setTimeout(() => signal(identity, "SIGKILL"), patience);
    await this.#ended;
    clearTimeout(timer);
    this.#state = "stopped";
    this.#startedAt = null;
  }

  /** Answers null when the service is ready, otherwise what went wrong; nothing of it lives then. */
  async #startOnce(turn: number): Promise<string | null> {
    this.#state = "starting";
    await this.service.prepare?.();
    if (turn !== this.#turn) return null;
    this.#spawn(turn);
    const identity = this.#identity;
    const deadline = Date.now() + this.service.readyWithinMs;
    let end: string | null = identity ? null : await this.#ended;
    void this.#ended.then((how) => (end = how));
    while (end === null && turn === this.#turn && Date.now() < deadline) {
      if (await this.service.isReady()) {
        if (end !== null || turn !== this.#turn) break;
        this.#state = "running";
        return null;
      }
      await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
    }
    if (turn !== this.#turn) return null;
    if (end !== null) return end;
    if (identity) signal(identity, "SIGKILL");
    await this.#ended;
    return `not ready within ${this.service.readyWithinMs / 1000} s`;
  }

  #spawn(turn: number): void {
    const { program, args, env, cwd } = this.service.launch();
    const output = this.log.open();
    writeSync(output, `--- ${new Date().toISOString()} starting ${this.service.name}\n`);
    // A group of its own: Ctrl-C in a terminal must reach the supervisor only, which stops services in order.
    const child = spawn(program, args, {
      env: { ...env, ...this.#marks },
      cwd,
      stdio: ["ignore", output, output],
      detached: true,
    });
    closeSync(output);
    this.#child = child;
    this.#identity = child.pid === undefined ? null : identify(child.pid);
    this.#startedAt = Date.now();
    this.#ended = new Promise((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("exit", (code, name) => resolve(name ? `killed by ${name}` : `exit code ${code}`));
    });
    void this.#ended.then((how) => this.#onEnd(child, how, turn));
  }

  #onEnd(child: ChildProcess, how: string, turn: number): void {
    if (this.#child !== child) return;
    this.#child = null;
    this.#identity = null;
    if (turn !== this.#turn) return;
    this.#lastEnd = how;
    if (this.#state === "running") this.#restartLater();
  }

  #restartLater(): void {
    const lived = Date.now() - (this.#startedAt ?? 0);
    this.#failures = lived >= this.#backoff.healthyAfterMs ? 1 : this.#failures + 1;
    this.#state = "waiting";
    this.#restartTimer = setTimeout(() => void this.#restart(), waitAfter(this.#failures, this.#backoff));
  }

  async #restart(): Promise<void> {
    const turn = ++this.#turn;
    this.#restarts++;
    let failure: string | null;
    try {
      failure = await this.#startOnce(turn);
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
    }
    if (failure === null || turn !== this.#turn) return;
    this.#lastEnd = failure;
    this.#restartLater();
  }

  #cancelRestart(): void {
    if (this.#restartTimer) clearTimeout(this.#restartTimer);
    this.#restartTimer = null;
  }
}
