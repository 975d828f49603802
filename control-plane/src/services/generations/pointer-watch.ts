import type { Log } from "../log.ts";
import type { CatalogStore } from "../ports.ts";
import type { GenerationRow } from "../rows.ts";

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
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> | null = null;
  private known: number | null = null;
  private complaint: string | null = null;

  constructor(parts: PointerParts) {
    this.parts = parts;
  }

  start(): void {
    this.timer ??= setInterval(() => void this.attempt(), EVERY_MS);
    void this.attempt();
  }

  async stop(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    await this.running;
    this.known = null;
  }

  /** One look. Never throws: what could not be done is tried again. */
  attempt(): Promise<void> {
    this.running ??= this.look().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  private async look(): Promise<void> {
    const { pipeline, catalog, write, onChange, log } = this.parts;
    try {
      const live = await catalog.liveGeneration(pipeline);
      if (live === null) return;
      await write(live);
      if (this.known !== null && this.known !== live.number) onChange();
      this.known = live.number;
      this.complaint = null;
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      if (text !== this.complaint) log.warn({ err: error }, "cannot write which generation is live into the lake");
      this.complaint = text;
    }
  }
}
