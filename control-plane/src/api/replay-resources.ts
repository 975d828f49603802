import { writeReplayRequest, writeRules } from "../domain/replay/request.ts";
import type { Planned } from "../services/replay/planner.ts";
import type { ReplayRow } from "../services/replay/ports.ts";
import type { ReplayDetails } from "../services/replay/replays.ts";

/** A plan as it is answered. */
export function toPlanResource({ plan, hash }: Pick<Planned, "plan" | "hash">) {
  // Plans of older releases say nothing of an end.
  const { rules, jobs, end = null, ...same } = plan;
  return {
    hash,
    ...same,
    end,
    jobs: jobs.map(({ drainTimeoutMs: _, ...job }) => job),
    rules: {
      planned: writeRules(rules.stored),
      changes: rules.changes.map(({ stretch = null, ...change }) => ({ ...change, stretch })),
    },
  };
}

/** A replay as lists have it. */
export function toSummaryResource(replay: ReplayRow) {
  const { id, job, state, phase, reason, failure, generation, parent, target, override, steps } = replay;
  return {
    ...{ id, job, state, phase, reason, failure, generation, parent },
    planHash: replay.hash,
    request: writeReplayRequest(replay.request),
    target,
    gates: replay.verdict?.gates ?? null,
    ...{ override, steps },
    requestedBy: replay.requestedBy,
    requestId: replay.requestId,
    createdAt: replay.createdAt.toISOString(),
    endedAt: replay.endedAt?.toISOString() ?? null,
  };
}

/** A replay as it is answered by itself. */
export function toReplayResource({ replay, progress, live, keptUntil }: ReplayDetails) {
  return {
    ...toSummaryResource(replay),
    plan: toPlanResource(replay),
    progress,
    live,
    keptUntil: keptUntil?.toISOString() ?? null,
  };
}
