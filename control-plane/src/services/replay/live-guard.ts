import { decideHold, type LiveLag } from "../../domain/replay/live-lag.ts";
import type { GenerationStore } from "../generations/ports.ts";
import type { Log } from "../log.ts";
import type { JobRow } from "../rows.ts";
import type { Situation } from "./situation.ts";

/** Seconds that a job is behind the topic; null where that cannot be told. */
export type LagOf = (job: JobRow) => Promise<number | null>;

export interface LiveGuardParts {
  generations: Pick<GenerationStore, "hold">;
  lagOf: LagOf;
  log: Log;
}

/** Holds the shadow jobs of a replay while the live jobs are too far behind: these come first. */
export class LiveGuard {
  private readonly parts: LiveGuardParts;

  constructor(parts: LiveGuardParts) {
    this.parts = parts;
  }

  async look({ replay, target, parties, facts }: Situation): Promise<void> {
    if (target?.state !== "shadow" || facts.shadows.length === 0) return;
    // Drained jobs are behind because the shadows are to catch up with them: nothing is to be spared any more.
    const isDraining = replay.phase !== null && replay.phase !== "catching_up";
    const held = isDraining ? null : decideHold(target.held, replay.request.liveLagBoundMs, await this.lags(parties));
    if (held === target.held) return;
    await this.parts.generations.hold(replay.pipeline, target.number, held);
    this.parts.log.info({ replay: replay.id, held }, held === null ? "shadow jobs go on" : "shadow jobs are held");
  }

  private lags(parties: Situation["parties"]): Promise<LiveLag[]> {
    return Promise.all(
      parties.map(async ({ job, live }) => {
        const seconds = await this.parts.lagOf(live);
        return { job, runs: live.desired === "running" && live.state !== "FAILED", seconds };
      }),
    );
  }
}
