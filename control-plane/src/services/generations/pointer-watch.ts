import type { Log } from "../log.ts";
import type { CatalogStore } from "../ports.ts";
import type { GenerationRow } from "../rows.ts";
import { saidOnce } from "../said-once.ts";
import { Ticker } from "../ticker.ts";

const EVERY_MS = 1_000;

export interface PointerParts {
  pipeline: string;
  catalog: Pick<CatalogStore, "liveGeneration">;
  /** Writes the pointer in the lake where it says something else. */
  write: (generation: GenerationRow) => Promise<void>;
  /** told when another generation is live than was a moment ago */
  onChange: () => void;
  log: Log;
}

/**
 * Lets the pointer in the lake, which readers follow that know nothing of us, say what the database says: also where whoever
 * promoted a generation died before writing it. Only the control plane that decides runs it.
 */
export class PointerWatch {
  private readonly parts: PointerParts;
  private readonly ticker: Ticker;
  private known: number | null = null;
  /** One look. Never throws: what could not be done is tried again. */
  readonly attempt: () => Promise<void>;

  constructor(parts: PointerParts) {
    this.parts = parts;
    this.attempt = saidOnce(() => this.look(), parts.log, "cannot write which generation is live into the lake");
    this.ticker = new Ticker(this.attempt, EVERY_MS);
  }

  start(): void {
    this.ticker.start();
  }

  async stop(): Promise<void> {
    await this.ticker.stop();
    this.known = null;
  }

  private async look(): Promise<void> {
    const { pipeline, catalog, write, onChange } = this.parts;
    const live = await catalog.liveGeneration(pipeline);
    if (live === null) return;
    await write(live);
    if (this.known !== null && this.known !== live.number) onChange();
    this.known = live.number;
  }
}
