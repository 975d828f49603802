import type { Journal } from "../journal.ts";
import type { Clock } from "../ports.ts";
import { readProgress } from "./progress.ts";
import type { Situation, Situations } from "./situation.ts";

const EVERY_MS = 5_000;
const READING = ["running", "promoting", "rolling_back"];

/** Tells followers of the journal how far a replay is, while that changes. */
export class ProgressEvents {
  private readonly parts: { situations: Situations; journal: Pick<Journal, "record">; clock: Clock };
  private told: { replay: string; at: number; percent: number } | null = null;

  constructor(parts: { situations: Situations; journal: Pick<Journal, "record">; clock: Clock }) {
    this.parts = parts;
  }

  async tell(situation: Situation): Promise<void> {
    const { situations, journal, clock } = this.parts;
    const { id, job, state, phase } = situation.replay;
    const now = clock.now().getTime();
    const isNew = this.told?.replay !== id;
    if (!READING.includes(state) || (!isNew && now - (this.told?.at ?? 0) < EVERY_MS)) return;
    const progress = await readProgress(situations, situation, clock);
    const before = isNew ? null : (this.told?.percent ?? null);
    this.told = { replay: id, at: now, percent: progress?.percent ?? 0 };
    if (progress === null || progress.percent === before) return;
    const { percent, rowsPerSecond, etaSeconds } = progress;
    const data = { replay: id, state, phase, percent, rowsPerSecond, etaSeconds };
    await journal.record({ type: "replay.progress", subjects: [id, job], data });
  }
}
