import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileVanished } from "../../services/query-engine.ts";
import { SqlFailure, type SqlFailureKind, type SqlResult, type SqlTask } from "../../services/sql/ports.ts";
import type { FromWorker, ToWorker } from "./messages.ts";

/** Node's own data segment and DuckDB's before they do anything: 0.65 GB of address space, of which they use a sixth. */
const AT_REST_BYTES = 768e6;
/** For what DuckDB does not count, and for the result on its way. */
const BESIDE_BYTES = 512e6;
/** How long an interrupted statement may take to stop, before its process is killed. */
const GRACE_MS = 2_000;
/** How long a process may take to start: a second, on a machine that has nothing else to do. */
const START_MS = 30_000;
const WORKER = join(import.meta.dirname, "worker.ts");

export interface WorkerOptions {
  lakeDir: string;
  /** the most that a statement may take */
  memoryBytes: number;
  environment: Record<string, string>;
  /** what the process printed: nothing, when all is well */
  onWords(text: string): void;
}

/** It had died before the statement came to it: another one can run it. */
export class WorkerGone extends Error {
  override name = "WorkerGone";
}

interface Running {
  resolve(result: SqlResult): void;
  reject(error: Error): void;
  /** the process has it, or will have it */
  sent: boolean;
  begun: boolean;
  /** why it is to end before it is done */
  stopped: SqlFailureKind | undefined;
}

/** A process that runs one statement at a time, and whose memory the kernel bounds: DuckDB's own limit leaves things out. */
export class WorkerProcess {
  /** undefined when it could not even be tried */
  readonly #process: ChildProcess | undefined;
  /** settled when it can take a statement, or never will */
  readonly #ready = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<void>();
  readonly #scratch = mkdtempSync(join(tmpdir(), "penstock-sql-"));
  readonly #starting: NodeJS.Timeout;
  #running: Running | undefined;
  #kill: NodeJS.Timeout | undefined;
  /** how it ended */
  #end: string | undefined;

  constructor(options: WorkerOptions) {
    this.#process = this.#spawn(options);
    this.#starting = setTimeout(() => this.#process?.kill("SIGKILL"), START_MS).unref();
    this.#process?.stderr?.setEncoding("utf8").on("data", options.onWords);
    // One that cannot be started has an error and no exit.
    this.#process?.on("error", (error) => this.#ended(error.message));
    this.#process?.on("exit", (code, signal) => this.#ended(`It ended by itself with ${signal ?? code}.`));
    this.#process?.on("message", (message: FromWorker) => {
      if (message.kind === "ready") this.#isReady();
      else if (message.kind === "begun") this.#begun();
      else this.#answer(message);
    });
    // A control plane that ends without having said so must not wait for it.
    this.#process?.unref();
    this.#process?.channel?.unref();
  }

  get dead(): boolean {
    return this.#end !== undefined;
  }

  /** @throws SqlFailure, FileVanished; WorkerGone when it could not even begin */
  async run(task: SqlTask, gone: AbortSignal): Promise<SqlResult> {
    if (gone.aborted) throw new SqlFailure({ kind: "gone", message: "Nobody waits for the answer any more." });
    if (this.#end !== undefined) throw new WorkerGone(this.#end);
    const { promise, resolve, reject } = Promise.withResolvers<SqlResult>();
    const running: Running = { resolve, reject, sent: false, begun: false, stopped: undefined };
    this.#running = running;
    const timer = setTimeout(() => this.#stop("time"), task.limits.timeoutMs);
    const leave = () => this.#stop("gone");
    gone.addEventListener("abort", leave);
    void this.#ready.promise.then(() => {
      if (this.#running !== running || this.dead || running.stopped !== undefined) return;
      running.sent = true;
      this.#send({ kind: "run", task });
    });
    try {
      return await promise;
    } finally {
      this.#running = undefined;
      clearTimeout(timer);
      clearTimeout(this.#kill);
      gone.removeEventListener("abort", leave);
    }
  }

  async close(): Promise<void> {
    if (this.dead) return;
    this.#process?.kill("SIGKILL");
    await this.#over.promise;
  }

  #spawn({ lakeDir, memoryBytes, environment }: WorkerOptions): ChildProcess | undefined {
    const limitKb = Math.round((AT_REST_BYTES + memoryBytes + BESIDE_BYTES) / 1024);
    // `ulimit -d` bounds what a process can write to. Without leave to set it the process goes on without.
    const script = 'ulimit -d "$0" || true; exec "$@"';
    const command = [process.execPath, "--max-old-space-size=256", "--no-warnings", WORKER, this.#scratch];
    try {
      return spawn("/bin/sh", ["-c", script, String(limitKb), ...command], {
        cwd: lakeDir,
        env: environment,
        stdio: ["ignore", "ignore", "pipe", "ipc"],
        serialization: "advanced",
      });
    } catch (error) {
      // Some errors of the system are thrown, such as a want of memory; others come as an event.
      this.#ended(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  #isReady(): void {
    clearTimeout(this.#starting);
    this.#ready.resolve();
  }

  #send(message: ToWorker): void {
    // One that has just died says so by its exit.
    this.#process?.send(message, () => undefined);
  }

  #stop(why: SqlFailureKind): void {
    if (this.#running === undefined || this.#running.stopped !== undefined) return;
    this.#running.stopped = why;
    if (!this.#running.sent) {
      // The process is still starting, and can take the next one.
      this.#running.reject(new SqlFailure({ kind: why, message: "It was stopped before it began." }));
      return;
    }
    this.#send({ kind: "cancel" });
    this.#kill = setTimeout(() => this.#process?.kill("SIGKILL"), GRACE_MS);
  }

  #begun(): void {
    if (this.#running !== undefined) this.#running.begun = true;
  }

  #answer(message: Exclude<FromWorker, { kind: "ready" | "begun" }>): void {
    if (this.#running === undefined) return;
    const { resolve, reject, stopped = "crashed" } = this.#running;
    if (message.kind === "done") resolve(message.result);
    else if (message.kind === "interrupted") reject(new SqlFailure({ kind: stopped, message: "It was interrupted." }));
    else if (message.fault.kind === "vanished") reject(new FileVanished(message.fault.message));
    else reject(new SqlFailure(message.fault));
  }

  #ended(how: string): void {
    if (this.dead) return;
    this.#end = how;
    clearTimeout(this.#starting);
    this.#ready.resolve();
    this.#over.resolve();
    rmSync(this.#scratch, { recursive: true, force: true });
    if (this.#running === undefined) return;
    const { reject, begun, stopped = "crashed" } = this.#running;
    reject(begun ? new SqlFailure({ kind: stopped, message: how }) : new WorkerGone(how));
  }
}
