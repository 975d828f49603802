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
  begun: boolean;
  /** why it is to end before it is done */
  stopped: SqlFailureKind | undefined;
}

/** A process that runs one statement at a time, and whose memory the kernel bounds: DuckDB's own limit leaves things out. */
export class WorkerProcess {
  readonly #process: ChildProcess;
  readonly #ready: Promise<void>;
  readonly #scratch = mkdtempSync(join(tmpdir(), "penstock-sql-"));
  #running: Running | undefined;
  #kill: NodeJS.Timeout | undefined;
  #dead = false;

  constructor({ lakeDir, memoryBytes, environment, onWords }: WorkerOptions) {
    const limitKb = Math.round((AT_REST_BYTES + memoryBytes + BESIDE_BYTES) / 1024);
    // `ulimit -d` bounds what a process can write to. Without leave to set it the process goes on without.
    const script = 'ulimit -d "$0" || true; exec "$@"';
    const command = [process.execPath, "--max-old-space-size=256", "--no-warnings", WORKER, this.#scratch];
    this.#process = spawn("/bin/sh", ["-c", script, String(limitKb), ...command], {
      cwd: lakeDir,
      env: environment,
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      serialization: "advanced",
    });
    this.#process.stderr?.setEncoding("utf8").on("data", onWords);
    this.#process.on("error", (error) => this.#ended(error.message));
    this.#process.on("exit", (code, signal) => this.#ended(`It ended by itself with ${signal ?? code}.`));
    this.#ready = new Promise((resolve) => {
      this.#process.on("message", (message: FromWorker) => {
        if (message.kind === "ready") resolve();
        else if (message.kind === "begun") this.#begun();
        else this.#answer(message);
      });
      this.#process.once("exit", () => resolve());
    });
    // A control plane that ends without having said so must not wait for it.
    this.#process.unref();
    this.#process.channel?.unref();
  }

  get dead(): boolean {
    return this.#dead;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** @throws SqlFailure, FileVanished; WorkerGone when it could not even begin */
  async run(task: SqlTask, gone: AbortSignal): Promise<SqlResult> {
    await this.#ready;
    if (gone.aborted) throw new SqlFailure({ kind: "gone", message: "Nobody waits for the answer any more." });
    if (this.#dead) throw new WorkerGone();
    const timer = setTimeout(() => this.#stop("time"), task.limits.timeoutMs);
    const leave = () => this.#stop("gone");
    gone.addEventListener("abort", leave);
    try {
      return await new Promise<SqlResult>((resolve, reject) => {
        this.#running = { resolve, reject, begun: false, stopped: undefined };
        this.#send({ kind: "run", task });
      });
    } finally {
      this.#running = undefined;
      clearTimeout(timer);
      clearTimeout(this.#kill);
      gone.removeEventListener("abort", leave);
    }
  }

  close(): Promise<void> {
    if (this.#dead) return Promise.resolve();
    return new Promise((resolve) => {
      this.#process.once("exit", () => resolve());
      this.#process.kill("SIGKILL");
    });
  }

  #send(message: ToWorker): void {
    // One that has just died says so by its exit.
    this.#process.send(message, () => undefined);
  }

  #stop(why: SqlFailureKind): void {
    if (this.#running === undefined || this.#running.stopped !== undefined) return;
    this.#running.stopped = why;
    this.#send({ kind: "cancel" });
    this.#kill = setTimeout(() => this.#process.kill("SIGKILL"), GRACE_MS);
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
    this.#dead = true;
    rmSync(this.#scratch, { recursive: true, force: true });
    if (this.#running === undefined) return;
    const { reject, begun, stopped = "crashed" } = this.#running;
    reject(begun ? new SqlFailure({ kind: stopped, message: how }) : new WorkerGone(how));
  }
}
