import { setTimeout as delay } from "node:timers/promises";
import { firstLines, type LogLines, type LogPart, lastLines } from "../domain/log-text.ts";
import { Problem } from "../domain/problem.ts";
import type { JobReader } from "./jobs.ts";
import { type ExecutorView, type FoundLog, type LogQuery, LogSearch } from "./log-search.ts";
import { MOST_LOG_STREAMS, tooManyLogStreams } from "./log-streams.ts";
import type { LaunchStore, RunStore } from "./ports.ts";
import type { SparkMaster } from "./spark-master.ts";

/** Whose log it is, in the words of a worker's web page. */
export type LogOwner = { driverId: string } | { appId: string; executorId: string };

export interface LogFile {
  owner: LogOwner;
  stream: "stderr" | "stdout";
}

/** Reads logs where Spark's workers keep them. */
export interface WorkerLogs {
  /**
   * @param worker base of its web page
   * @param range without `offset` the end of the log
   * @returns null when the worker has no such log
   * @throws Problem when it does not answer
   */
  read(worker: string, file: LogFile, range: { offset?: number; byteLength: number }): Promise<LogPart | null>;
  /** The executors of a Spark application that a worker remembers. @throws Problem when it does not answer */
  executors(worker: string, application: string): Promise<{ id: string; running: boolean }[]>;
}

export interface LogAnswer extends LogLines {
  job: string;
  launch: string;
  source: "driver" | "executor";
  stream: "stderr" | "stdout";
  executor: string | null;
  executors: ExecutorView[];
  worker: string;
  size: number;
}

/** Most of a log in one answer. */
export const MOST_LINES = 10_000;
export const MOST_BYTES = 1_048_576;
const FIRST_BYTES = 65_536;
const LOOK_AGAIN_MS = 500;
/** A worker that is away for longer ends a stream. */
const FAILURES = 20;

/** The logs of the drivers and executors that jobs ran in. */
export class Logs {
  private readonly search: LogSearch;
  private readonly workers: WorkerLogs;
  private readonly launches: LaunchStore;
  private followers = 0;

  constructor(deps: {
    jobs: JobReader;
    runs: RunStore;
    launches: LaunchStore;
    master: SparkMaster;
    workers: WorkerLogs;
  }) {
    this.search = new LogSearch(deps);
    this.workers = deps.workers;
    this.launches = deps.launches;
  }

  /**
   * @param from byte to go on at; undefined for the last lines
   * @throws Problem `unknown_job`, `unknown_launch`, `log_gone`, `dependency_unavailable`
   */
  async read(query: LogQuery, tail: number, from: number | undefined): Promise<LogAnswer> {
    const found = await this.search.find(query);
    const { lines, size } =
      from === undefined ? await this.tail(found, tail, true) : await this.range(found, from, tail);
    const { job, source, stream } = query;
    const { launch, executor, executors, worker } = found;
    return { job, launch: launch.id, source, stream, executor, executors, worker: worker.id, size, ...lines };
  }

  /**
   * The last lines, then what is added, as text; ends with the launch.
   * @throws Problem as `read` does, and `too_many_streams`
   */
  async follow(query: LogQuery, tail: number, signal: AbortSignal): Promise<AsyncGenerator<string>> {
    if (this.followers >= MOST_LOG_STREAMS)
      throw tooManyLogStreams("read without follow: `from` goes on where an answer ended");
    this.followers += 1;
    const leave = once(() => {
      this.followers -= 1;
    });
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
    try {
      const found = await this.search.find(query);
      const { lines } = await this.tail(found, tail, false);
      return this.added(found, lines, signal, leave);
    } catch (error) {
      leave();
      throw error;
    }
  }

  private async *added(found: FoundLog, start: LogLines, signal: AbortSignal, leave: () => void) {
    try {
      yield toText(start.lines);
      let { to } = start;
      let failures = 0;
      while (!signal.aborted && failures < FAILURES) {
        // Before reading: what a driver wrote last is then surely read.
        const ended = await this.hasEnded(found.launch.id);
        const part = await this.workers
          .read(found.worker.uiUrl, found.file, { offset: to, byteLength: MOST_BYTES })
          .catch(() => null);
        failures = part === null ? failures + 1 : 0;
        const read = part === null ? null : firstLines(part, MOST_LINES, ended || part.to - part.from === MOST_BYTES);
        // A log that has been rotated away below us is shorter than where we were: go on at its end.
        to = read === null ? to : Math.min(read.to, part?.size ?? to);
        if (read !== null && read.lines.length > 0) yield toText(read.lines);
        else if (ended) return;
        else await delay(LOOK_AGAIN_MS, undefined, { signal }).catch(() => undefined);
      }
    } finally {
      leave();
    }
  }

  private async hasEnded(launch: string): Promise<boolean> {
    const row = await this.launches.find(launch).catch(() => undefined);
    return row === null || (row !== undefined && row.endedAt !== null);
  }

  private async tail(
    { worker, file }: FoundLog,
    most: number,
    unfinished: boolean,
  ): Promise<{ lines: LogLines; size: number }> {
    const few = await this.workers.read(worker.uiUrl, file, { byteLength: FIRST_BYTES });
    if (few === null) throw vanished();
    const lines = lastLines(few, most, unfinished);
    if (lines.lines.length >= most || few.from === 0) return { lines, size: few.size };
    const more = await this.workers.read(worker.uiUrl, file, { byteLength: MOST_BYTES });
    if (more === null) throw vanished();
    return { lines: lastLines(more, most, unfinished), size: more.size };
  }

  private async range({ worker, file }: FoundLog, from: number, most: number) {
    const part = await this.workers.read(worker.uiUrl, file, { offset: from, byteLength: MOST_BYTES });
    if (part === null) throw vanished();
    return { lines: firstLines(part, most, part.to - part.from === MOST_BYTES), size: part.size };
  }
}

function toText(lines: string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

function once(work: () => void): () => void {
  let done = false;
  return () => {
    if (!done) work();
    done = true;
  };
}

function vanished(): Problem {
  return new Problem({
    status: 404,
    code: "log_gone",
    title: "The log is gone",
    detail: "The worker removed it while it was being read.",
    next: "GET /v1/jobs/{job}/runs has the exception of each run.",
  });
}
