import type { JobState } from "../../domain/lifecycle/job.ts";
import { type JobProgress, progressOf } from "../../domain/replay/progress.ts";
import type { Clock } from "../ports.ts";
import type { JobPosition } from "./ports.ts";
import type { Party, PartyPositions, Situation, Situations } from "./situation.ts";

/** A shadow job on its way. */
export interface PartyProgress extends JobProgress {
  /** `sales.silver@2` */
  job: string;
  state: JobState;
  reason: string | null;
  through: Record<string, string>;
}

export interface ReplayProgress {
  /** of the job that is furthest behind */
  percent: number;
  rowsPerSecond: number | null;
  etaSeconds: number | null;
  jobs: PartyProgress[];
}

/** Speed is measured over this time. */
const OVER_MS = 60_000;

/** How far the shadow jobs of a replay are; null while there are none. */
export async function readProgress(
  situations: Situations,
  { replay, parties, positions }: Situation,
  clock: Clock,
): Promise<ReplayProgress | null> {
  const now = clock.now();
  const then = new Date(now.getTime() - OVER_MS);
  const jobs: PartyProgress[] = [];
  for (const [index, party] of parties.entries()) {
    const at = positions[index];
    if (party.shadow === null || at === undefined) continue;
    jobs.push(progressOfParty(party, replay.plan.start, at, await situations.positions(party, then), now));
  }
  const slowest = jobs.toSorted((one, other) => one.percent - other.percent)[0];
  if (slowest === undefined) return null;
  const { percent, rowsPerSecond } = slowest;
  const times = jobs.map(({ etaSeconds }) => etaSeconds);
  return {
    percent,
    rowsPerSecond,
    etaSeconds: times.includes(null) ? null : Math.max(...(times as number[])),
    jobs,
  };
}

function progressOfParty(
  { shadow, job }: Party,
  start: Record<string, string>,
  at: PartyPositions,
  before: PartyPositions,
  now: Date,
) {
  const mark = (position: JobPosition | null) => ({ at: position?.at ?? now, through: position?.through ?? start });
  const earlier =
    at.shadow === null || before.shadow === null
      ? null
      : { shadow: mark(before.shadow), live: mark(before.live ?? at.live) };
  return {
    job: shadow?.id ?? job,
    state: shadow?.state ?? ("STOPPED" as const),
    reason: shadow?.reason ?? null,
    through: at.shadow?.through ?? start,
    ...progressOf(start, { shadow: mark(at.shadow), live: mark(at.live) }, earlier),
  };
}
