import { join } from "node:path";
import { checkpointFolders } from "../../domain/layout.ts";
import type { Log } from "../log.ts";
import type { Clock } from "../ports.ts";
import { saidOnce } from "../said-once.ts";
import { Ticker } from "../ticker.ts";
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
  private readonly ticker: Ticker;

  constructor(parts: CollectorParts) {
    this.parts = parts;
    this.ticker = new Ticker(
      saidOnce(() => this.collect(), parts.log, "cannot collect generations"),
      EVERY_MS,
    );
  }

  start(): void {
    this.ticker.start();
  }

  stop(): Promise<void> {
    return this.ticker.stop();
  }

  /** A generation may have been given up: look now. */
  readonly poke = (): void => this.ticker.poke();

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
}
