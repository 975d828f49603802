import type { Log } from "../../services/log.ts";
import { SqlFailure, type SqlTask, type SqlWorkers } from "../../services/sql/ports.ts";
import { WorkerGone, WorkerProcess } from "./worker-process.ts";

export interface SqlWorkersOptions {
  /** the folder below which the files of tasks are */
  lakeDir: string;
  /** statements that run at once, each in a process */
  workers: number;
  /** statements that may wait for their turn */
  waiting: number;
  /** the most memory that a statement may take */
  memoryBytes: number;
  /** all that the processes find in their environment */
  environment: Record<string, string>;
  log: Log;
}

/** One may have died while it had nothing to do; several in a row cannot be started. */
const MOST_ATTEMPTS = 3;

interface Waiting {
  take(worker: WorkerProcess): void;
}

/** Starts a worker when the first statement needs one, keeps it, and replaces it when it dies. */
export function createSqlWorkers(options: SqlWorkersOptions): SqlWorkers {
  const { lakeDir, workers: most, waiting: longest, memoryBytes, environment, log } = options;
  const all = new Set<WorkerProcess>();
  const idle: WorkerProcess[] = [];
  const waiting: Waiting[] = [];
  let closed = false;

  function start(): WorkerProcess {
    const onWords = (text: string) => log.warn({ text }, "a SQL worker complains");
    const worker = new WorkerProcess({ lakeDir, memoryBytes, environment, onWords });
    all.add(worker);
    return worker;
  }

  function free(): WorkerProcess | undefined {
    for (let worker = idle.pop(); worker !== undefined; worker = idle.pop()) {
      if (!worker.dead) return worker;
      all.delete(worker);
    }
    return all.size < most ? start() : undefined;
  }

  function turn(task: SqlTask, gone: AbortSignal): Promise<WorkerProcess> {
    const worker = free();
    if (worker !== undefined) return Promise.resolve(worker);
    if (waiting.length >= longest) throw busy(`${most} run, and as many wait as may (${longest}).`);
    return new Promise((resolve, reject) => {
      const leave = (failure: SqlFailure) => {
        waiting.splice(waiting.indexOf(entry), 1);
        settle();
        reject(failure);
      };
      const onGone = () => leave(new SqlFailure({ kind: "gone", message: "Nobody waits for the answer any more." }));
      const timer = setTimeout(
        () => leave(busy(`It waited ${task.limits.timeoutMs} ms for its turn in vain.`)),
        task.limits.timeoutMs,
      );
      const settle = () => {
        clearTimeout(timer);
        gone.removeEventListener("abort", onGone);
      };
      const entry: Waiting = {
        take(worker) {
          settle();
          resolve(worker);
        },
      };
      waiting.push(entry);
      gone.addEventListener("abort", onGone);
    });
  }

  function giveBack(worker: WorkerProcess): void {
    if (worker.dead) {
      all.delete(worker);
      log.warn({}, "a SQL worker died; the next statement gets a new one");
    } else idle.push(worker);
    const first = waiting[0];
    if (closed || first === undefined) return;
    const next = free();
    if (next === undefined) return;
    waiting.shift();
    first.take(next);
  }

  return {
    async run(task, gone) {
      if (gone.aborted || closed)
        throw new SqlFailure({ kind: "gone", message: "Nobody waits for the answer any more." });
      for (let attempts = 1; ; attempts += 1) {
        const worker = await turn(task, gone);
        try {
          return await worker.run(task, gone);
        } catch (error) {
          if (!(error instanceof WorkerGone)) throw error;
          const message = `Its process could not begin: ${error.message}`;
          if (attempts === MOST_ATTEMPTS) throw new SqlFailure({ kind: "crashed", message }, { cause: error });
        } finally {
          giveBack(worker);
        }
      }
    },
    async close() {
      closed = true;
      await Promise.all([...all].map((worker) => worker.close()));
    },
  };
}

function busy(message: string): SqlFailure {
  return new SqlFailure({ kind: "busy", message });
}
