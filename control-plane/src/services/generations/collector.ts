import { join } from "node:path";
import { checkpointFolders } from "../../domain/layout.ts";
import type { Log } from "../log.ts";
import type { Clock } from "../ports.ts";
import type { GenerationStore } from "./ports.ts";

export interface CollectorParts {
  pipeline: string;
  store: Pick<GenerationStore, "discard" | "leftovers" | "collected">;
  /** Deletes a folder with all that is in it; there may be none. */
  remove: (folder: string) => Promise<void>;
  lakeDir: string;
  checkpointDir: string;
  clock: Clock;
  log: Log;
}

const EVERY_MS = 30_000;

/** Deletes what generations alone have that are not kept any more. Only the control plane that decides runs it. */
export class Collector {
  private readonly parts: CollectorParts;
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> = Promise.resolve();
  private complaint: string | null = null;

  constructor(parts: CollectorParts) {
    this.parts = parts;
  }

  start(): void {
    this.timer ??= setInterval(() => this.poke(), EVERY_MS);
    this.poke();
  }

  async stop(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    await this.running;
  }

  /** A generation may have been given up: look now. */
  readonly poke = (): void => {
    if (this.timer === null) return;
    this.running = this.running.then(() => this.attempt());
  };

  /** Gives up those whose time is over, and deletes what is left of all that are given up; may be repeated after a crash. */
  async collect(): Promise<void> {
    const { pipeline, store, remove, lakeDir, checkpointDir, clock, log } = this.parts;
    for (const number of await store.discard(pipeline, clock.now())) {
      const { tables, checkpoints } = await store.leftovers(pipeline, number);
      for (const folder of tables) await remove(join(lakeDir, folder));
      for (const folder of checkpoints.flatMap(checkpointFolders)) await remove(join(checkpointDir, folder));
      await store.collected(pipeline, number);
      log.info({ generation: number, tables: tables.length, checkpoints: checkpoints.length }, "generation collected");
    }
  }

  private async attempt(): Promise<void> {
    try {
      await this.collect();
      this.complaint = null;
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      if (text !== this.complaint) this.parts.log.warn({ err: error }, "cannot collect generations");
      this.complaint = text;
    }
  }
}
