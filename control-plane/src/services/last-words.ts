import { setTimeout as delay } from "node:timers/promises";
import { lastLines } from "../domain/log-text.ts";
import type { Log } from "./log.ts";
import type { WorkerLogs } from "./logs.ts";
import type { LaunchStore, RunStore } from "./ports.ts";
import type { LaunchRow, RunRow } from "./rows.ts";
import type { SparkMaster } from "./spark-master.ts";

/** The ends of a driver's two logs: its Python writes to the one, its JVM to the other. */
export interface LastWords {
  stdout: string[];
  stderr: string[];
}

const LINES = 20;
const BYTES = 8_192;
/** The worker may have died with the driver, and is back soon. */
const ATTEMPTS_AFTER_MS = [0, 5_000, 20_000, 60_000];

/** Keeps the ends of the logs of drivers that died, or in which a query did: what it died of often stands nowhere else. */
export class LastWordsKeeper {
  private readonly deps: { launches: LaunchStore; runs: RunStore; workers: WorkerLogs; master: SparkMaster; log: Log };
  private readonly stopped = new AbortController();

  constructor(deps: LastWordsKeeper["deps"]) {
    this.deps = deps;
  }

  /** Begins to read and save them; nobody has to wait for it, and nothing depends on it. */
  keep(launch: LaunchRow): void {
    void this.try(launch, (words) => this.deps.launches.keepLastWords(launch.id, words));
  }

  /** The same for a run that failed in a driver that lives: other jobs may write to its logs, too. */
  keepOfRun({ job, epoch }: RunRow, launch: LaunchRow): void {
    void this.try(launch, (words) => this.deps.runs.keepLastWords(job, epoch, words));
  }

  stop(): void {
    this.stopped.abort();
  }

  private async try(
    { id: launch, submissionId, driverId: reportedId }: LaunchRow,
    save: (words: LastWords) => Promise<void>,
  ): Promise<void> {
    const driverId = submissionId ?? reportedId;
    if (driverId === null) return;
    const { log } = this.deps;
    for (const wait of ATTEMPTS_AFTER_MS) {
      await delay(wait, undefined, { signal: this.stopped.signal, ref: false }).catch(() => undefined);
      if (this.stopped.signal.aborted) return;
      try {
        const words = await this.read(driverId);
        if (words === null) continue;
        await save(words);
        return;
      } catch (error) {
        log.debug({ launch, driverId, err: error }, "cannot read a driver's log yet");
      }
    }
    log.warn({ launch, driverId }, "no worker had the log of a driver");
  }

  private async read(driverId: string): Promise<LastWords | null> {
    const { workers } = await this.deps.master.cluster();
    for (const worker of workers.filter(({ state }) => state === "ALIVE")) {
      const [stdout, stderr] = await Promise.all(
        (["stdout", "stderr"] as const).map((stream) =>
          this.deps.workers.read(worker.uiUrl, { owner: { driverId }, stream }, { byteLength: BYTES }),
        ),
      );
      if (stdout && stderr) return { stdout: endOf(stdout), stderr: endOf(stderr) };
    }
    return null;
  }
}

function endOf(part: Parameters<typeof lastLines>[0]): string[] {
  return lastLines(part, LINES, true).lines;
}
