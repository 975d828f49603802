import { setTimeout as delay } from "node:timers/promises";
import { lastLines } from "../domain/log-text.ts";
import type { Log } from "./log.ts";
import type { WorkerLogs } from "./logs.ts";
import type { LaunchStore } from "./ports.ts";
import type { LaunchRow } from "./rows.ts";
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

/** Keeps the ends of the logs of drivers that died: what they died of often stands nowhere else. */
export class LastWordsKeeper {
  private readonly deps: { launches: LaunchStore; workers: WorkerLogs; master: SparkMaster; log: Log };
  private readonly stopped = new AbortController();

  constructor(deps: LastWordsKeeper["deps"]) {
    this.deps = deps;
  }

  /** Begins to read and save them; nobody has to wait for it, and nothing depends on it. */
  keep(launch: LaunchRow): void {
    const driverId = launch.submissionId ?? launch.driverId;
    if (driverId !== null) void this.try(launch.id, driverId);
  }

  stop(): void {
    this.stopped.abort();
  }

  private async try(launch: string, driverId: string): Promise<void> {
    const { launches, log } = this.deps;
    for (const wait of ATTEMPTS_AFTER_MS) {
      await delay(wait, undefined, { signal: this.stopped.signal, ref: false }).catch(() => undefined);
      if (this.stopped.signal.aborted) return;
      try {
        const words = await this.read(driverId);
        if (words === null) continue;
        await launches.keepLastWords(launch, words);
        return;
      } catch (error) {
        log.debug({ launch, driverId, err: error }, "cannot read a dead driver's log yet");
      }
    }
    log.warn({ launch, driverId }, "no worker had the log of a dead driver");
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
