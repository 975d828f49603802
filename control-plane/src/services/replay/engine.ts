import { Problem } from "../../domain/problem.ts";
import type { ReplayDecision } from "../../domain/replay/facts.ts";
import { BEYOND_CANCEL } from "../../domain/replay/state.ts";
import { decideReplay } from "../../domain/replay/steps.ts";
import type { Failpoint } from "../failpoint.ts";
import type { Log } from "../log.ts";
import { saidOnce } from "../said-once.ts";
import { Ticker } from "../ticker.ts";
import { ACTION_FAILPOINTS, type ReplayActions } from "./actions.ts";
import type { Comparisons } from "./comparisons.ts";
import type { LiveGuard } from "./live-guard.ts";
import type { ReplayChange, ReplayRow, ReplayStore } from "./ports.ts";
import type { ProgressEvents } from "./progress-events.ts";
import type { Situation, Situations } from "./situation.ts";

export interface ReplayEngineParts {
  pipeline: string;
  store: ReplayStore;
  situations: Situations;
  actions: ReplayActions;
  comparisons: Comparisons;
  guard: LiveGuard;
  progress: ProgressEvents;
  /** told when something was wanted of jobs: the reconciler looks at once */
  onChange: () => void;
  failpoint: Failpoint;
  log: Log;
}

/** Steps that follow on each other at once; more would be a mistake in the rules. */
const STEPS_PER_TICK = 8;
/** A step that fails as often in a row, and not because something is away, will not succeed by itself. */
const MOST_FAILURES = 10;

/** Leads the replay that has not ended from step to step. Only the control plane that decides runs it. */
export class ReplayEngine {
  private readonly parts: ReplayEngineParts;
  private readonly ticker: Ticker;
  private trouble: { text: string; times: number } | null = null;

  constructor(parts: ReplayEngineParts) {
    this.parts = parts;
    this.ticker = new Ticker(saidOnce(() => this.tick(), parts.log, "cannot look at replays"));
  }

  start(): void {
    this.ticker.start();
  }

  async stop(): Promise<void> {
    await this.ticker.stop();
    await this.parts.comparisons.stop();
    this.trouble = null;
  }

  /** Something changed: look now instead of at the next tick. */
  readonly poke = (): void => this.ticker.poke();

  /** Leads the open replay as far as it goes without waiting. */
  async tick(): Promise<void> {
    for (let step = 0; step < STEPS_PER_TICK; step += 1) {
      const replay = await this.parts.store.open(this.parts.pipeline);
      if (replay === null) {
        this.parts.comparisons.giveUp();
        return;
      }
      if (!(await this.step(replay))) return;
    }
  }

  /** @returns whether it moved, so that another look is worth it at once */
  private async step(replay: ReplayRow): Promise<boolean> {
    const { situations, guard, progress, comparisons } = this.parts;
    const situation = await situations.of(replay);
    await guard.look(situation);
    await progress.tell(situation);
    const decision = decideReplay(situation.facts);
    if (decision.action !== "compare") comparisons.giveUp();
    let done: ReplayChange | null;
    try {
      done = await this.parts.actions.do(decision.action, situation);
    } catch (error) {
      return this.failed(replay, decision, error);
    }
    if (done === null) return this.say(replay, "is being compared");
    this.trouble = null;
    const point = ACTION_FAILPOINTS[decision.action];
    if (point !== undefined) this.parts.failpoint(point);
    return this.save(situation, decision, done);
  }

  private async save({ replay }: Situation, decision: ReplayDecision, done: ReplayChange): Promise<boolean> {
    const { store, log, onChange, failpoint } = this.parts;
    const { state, phase, reason, action } = decision;
    const moves = state !== replay.state || phase !== replay.phase;
    if (!moves && action === "none") return this.say(replay, reason);
    const failure = state === "failed" && moves ? { failure: reason } : {};
    const saved = await store.save(replay, { ...done, ...failure, state, phase, reason });
    // Somebody has asked for something meanwhile: it is looked at anew.
    if (!saved) return true;
    failpoint("replay-saved");
    if (action !== "none") onChange();
    const { id, job } = replay;
    if (moves) log.info({ replay: id, job, from: replay.state, to: state, phase, rule: decision.rule }, "replay moved");
    return moves;
  }

  private async say(replay: ReplayRow, reason: string | null): Promise<boolean> {
    if (reason !== replay.reason) await this.parts.store.save(replay, { reason });
    return false;
  }

  private async failed(replay: ReplayRow, { action }: ReplayDecision, error: unknown): Promise<boolean> {
    const { store, log } = this.parts;
    const text = error instanceof Error ? error.message : String(error);
    const isAway = error instanceof Problem && (error.details.status === 503 || isEarly(action, error));
    const times = this.trouble?.text === text ? this.trouble.times + 1 : 1;
    if (times === 1) log.warn({ replay: replay.id, action, err: error }, "a step of a replay failed");
    this.trouble = { text, times };
    const goesOn = isAway || times < MOST_FAILURES || (replay.phase !== null && BEYOND_CANCEL.includes(replay.phase));
    if (goesOn || ["failed", "cancelling"].includes(replay.state)) return this.say(replay, `tries again: ${text}`);
    this.trouble = null;
    // The live jobs run again before anything else is waited for.
    await this.parts.actions.do("restoreLive", await this.parts.situations.of(replay));
    await store.save(replay, {
      state: "failed",
      phase: null,
      failure: text,
      reason: text,
      resuming: [],
      certified: null,
    });
    return false;
  }
}

/** A comparison also looks at tables that the replay does not touch: their jobs may be a moment behind. */
function isEarly(action: ReplayDecision["action"], { details }: Problem): boolean {
  return action === "compare" && details.code === "conflict";
}
