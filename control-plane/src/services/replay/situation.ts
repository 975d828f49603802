import { parseInstant } from "../../domain/delta/instant.ts";
import { generationOf } from "../../domain/layout.ts";
import { failureVerdict } from "../../domain/lifecycle/restart.ts";
import type { PartyFacts, ReplayFacts } from "../../domain/replay/facts.ts";
import { hasPassed, type OffsetVector } from "../../domain/replay/offsets.ts";
import type { OwnGeneration } from "../../domain/replay/state.ts";
import type { GenerationDetails, GenerationStore } from "../generations/ports.ts";
import type { CatalogStore, Clock, RunStore } from "../ports.ts";
import type { JobRow, RunRow } from "../rows.ts";
import type { GenerationPositions, JobPosition, ReplayRow, Verdict } from "./ports.ts";

/** A job that takes part in a replay, on both sides. */
export interface Party {
  job: string;
  live: JobRow;
  /** whose tables the live one writes */
  liveGeneration: number;
  /** null while there is no shadow of it */
  shadow: JobRow | null;
}

/** Where both sides of a party stand; null before a first commit. */
export interface PartyPositions {
  live: JobPosition | null;
  shadow: JobPosition | null;
}

/** What there is of a replay at one moment. */
export interface Situation {
  replay: ReplayRow;
  own: OwnGeneration;
  /** the replay's generation; null before it is made */
  generation: GenerationDetails | null;
  /** the one that is to become live: that of the replay, or the one before in a roll back */
  target: GenerationDetails | null;
  live: GenerationDetails | null;
  parties: Party[];
  /** of each party, in their order */
  positions: PartyPositions[];
  facts: ReplayFacts;
}

export interface SituationParts {
  generations: GenerationStore;
  catalog: CatalogStore;
  runs: RunStore;
  positions: GenerationPositions;
  clock: Clock;
}

/** A shadow that is no further behind than this follows closely: what is left is read while the live jobs drain. */
const CLOSE_MS = 20_000;

/** Looks at everything that the next step of a replay depends on. */
export class Situations {
  private readonly parts: SituationParts;

  constructor(parts: SituationParts) {
    this.parts = parts;
  }

  async of(replay: ReplayRow): Promise<Situation> {
    const { generations, catalog, runs } = this.parts;
    const [generation, parent, jobs, openRuns] = await Promise.all([
      generations.find(replay.pipeline, replay.generation),
      generations.find(replay.pipeline, replay.parent),
      catalog.jobs(),
      runs.openRuns(),
    ]);
    const own = ownOf(generation);
    const target = leadsBack(replay, own) ? parent : generation;
    const live = [generation, parent].find((each) => each?.state === "live") ?? null;
    const parties = partiesOf(replay, target, live, jobs);
    const positions = await Promise.all(parties.map((party) => this.positions(party)));
    const base = { replay, own, generation, target, live, parties, positions };
    return { ...base, facts: await this.facts(base, openRuns) };
  }

  /** Where a party stands, looked at anew. @param until as it was then */
  async positions(party: Party, until?: Date): Promise<PartyPositions> {
    const { positions } = this.parts;
    const { job, shadow } = party;
    const [ofLive, ofShadow] = await Promise.all([
      this.positionOfLive(party, until),
      shadow?.generation == null ? null : positions.position(job, shadow.generation, shadow.spec.writes, until),
    ]);
    return { live: ofLive, shadow: ofShadow };
  }

  private positionOfLive({ job, live, liveGeneration }: Party, until?: Date): Promise<JobPosition | null> {
    return this.parts.positions.position(job, liveGeneration, live.spec.writes, until);
  }

  private async facts(base: Omit<Situation, "facts">, openRuns: RunRow[]): Promise<ReplayFacts> {
    const { replay, own, target, parties, positions } = base;
    const { target: at, certified } = replay;
    const shadows = parties.flatMap(({ shadow }) => (shadow === null ? [] : [shadow]));
    const isWhole = shadows.length === parties.length;
    return {
      state: replay.state,
      phase: replay.phase,
      target: { state: stateOf(target) },
      shadows: await Promise.all(shadows.map((shadow) => this.party(shadow, openRuns))),
      live: parties.map(({ live }) => ({ ...plain(live, openRuns), gaveUp: null })),
      caughtUp: isWhole && asksForCloseness(replay) && (await this.isClose(base)),
      aimed: at !== null,
      reached:
        at !== null &&
        isWhole &&
        positions.every(
          ({ live, shadow }) => hasPassed(live?.through ?? {}, at) && hasPassed(shadow?.through ?? {}, at),
        ),
      verdict: verdictOf(replay, at),
      autoPromote: replay.request.autoPromote,
      certified: certified !== null,
      converged:
        certified !== null &&
        isWhole &&
        parties.every(({ job }, index) => covers(positions[index]?.shadow ?? null, certified[job])),
      own,
    };
  }

  private async party(shadow: JobRow, openRuns: RunRow[]): Promise<PartyFacts> {
    const { runs, clock } = this.parts;
    const facts = plain(shadow, openRuns);
    if (facts.hasRun || shadow.desired === "stopped") return { ...facts, gaveUp: null };
    const failures = await runs.failures(shadow.id, shadow.desiredSince);
    const { givenUp } = failureVerdict(shadow.spec.restart, shadow.id, failures, clock.now());
    return { ...facts, gaveUp: givenUp ? (shadow.reason ?? "it failed too often") : null };
  }

  /** Every shadow has passed where its live job was a little while ago. */
  private async isClose({ parties, positions }: Omit<Situation, "facts">): Promise<boolean> {
    const then = new Date(this.parts.clock.now().getTime() - CLOSE_MS);
    const before = await Promise.all(parties.map((party) => this.positionOfLive(party, then)));
    // A live job that began a moment ago is followed to where it is now.
    const isPassed = ({ live, shadow }: PartyPositions, index: number) =>
      hasPassed(shadow?.through ?? {}, (before[index] ?? live)?.through ?? {});
    return parties.length > 0 && positions.every(isPassed);
  }
}

/** It takes looks at the past, which are spared where no rule asks. */
function asksForCloseness({ state, phase }: ReplayRow): boolean {
  return state === "running" || phase === "catching_up";
}

/** Whether it is about the generation before: in a roll back, and where one was given up or has failed. */
function leadsBack({ state }: ReplayRow, own: OwnGeneration): boolean {
  return state === "rolling_back" || (own === "live" && state !== "promoting");
}

function ownOf(generation: GenerationDetails | null): OwnGeneration {
  if (generation === null || generation.promotedAt === null) return "never";
  return generation.state === "live" ? "live" : "before";
}

function stateOf(target: GenerationDetails | null): ReplayFacts["target"]["state"] {
  if (target === null) return "none";
  return target.state === "discarded" || target.state === "collected" ? "gone" : target.state;
}

function partiesOf(
  { plan }: ReplayRow,
  target: GenerationDetails | null,
  live: GenerationDetails | null,
  jobs: readonly JobRow[],
): Party[] {
  return plan.jobs.flatMap(({ job }) => {
    const row = jobs.find(({ id }) => id === job);
    if (row === undefined) return [];
    const shadowId = target?.shadows.find((each) => each.job === job)?.id;
    const liveGeneration = generationOf(live?.tables[row.spec.writes[0] ?? ""] ?? "") ?? live?.number ?? 1;
    return [{ job, live: row, liveGeneration, shadow: jobs.find(({ id }) => id === shadowId) ?? null }];
  });
}

function plain(job: JobRow, openRuns: readonly RunRow[]): Omit<PartyFacts, "gaveUp"> {
  return { job: job.id, wanted: job.desired === "running", hasRun: openRuns.some((run) => run.job === job.id) };
}

/** The gates on the comparison at that position; an override lets through what may be overridden. */
function verdictOf({ verdict, override }: ReplayRow, at: OffsetVector | null): ReplayFacts["verdict"] {
  if (verdict === null || at === null || !isSame(verdict.at, at)) return null;
  const failing = failingGates(verdict, override !== null);
  if (failing.length === 0) return { passed: true, text: "all gates pass" };
  return { passed: false, text: failing.map(({ text }) => text).join(" ") };
}

/** @param isOverridden somebody lets through what may be let through */
export function failingGates({ gates }: Verdict, isOverridden: boolean) {
  return gates.filter(({ passed, overridable }) => !passed && !(overridable && isOverridden));
}

function isSame(one: OffsetVector, other: OffsetVector): boolean {
  return hasPassed(one, other) && hasPassed(other, one);
}

/**
 * Whether a shadow has read what the drained job had, and would call as much final. How far it has called windows final says less: where its
 * rules leave a window empty there is nothing to call final. And the low watermark of a job that says nothing of finality is that of its last batch
 * of rows, which may have ended elsewhere and never rises while nothing comes.
 */
function covers(shadow: JobPosition | null, certified: Omit<JobPosition, "at"> | undefined): boolean {
  if (certified === undefined) return true;
  if (!hasPassed(shadow?.through ?? {}, certified.through)) return false;
  return certified.finalThrough === null || isAtLeast(shadow?.lowWatermark ?? null, certified.lowWatermark);
}

function isAtLeast(one: string | null, other: string | null): boolean {
  const least = parseInstant(other ?? "");
  return least === undefined || (parseInstant(one ?? "") ?? -1n) >= least;
}
