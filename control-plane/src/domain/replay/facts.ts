import type { OwnGeneration, ReplayState, SwitchPhase } from "./state.ts";

/** A job that takes part, live or shadow. */
export interface PartyFacts {
  job: string;
  wanted: boolean;
  hasRun: boolean;
  /** why it will not be started again by itself; null where it will */
  gaveUp: string | null;
}

/** Everything that the next step of a replay depends on. */
export interface ReplayFacts {
  state: ReplayState;
  phase: SwitchPhase | null;
  /** the generation that is to become live: that of the replay, or the one before in a roll back */
  target: { state: "none" | "shadow" | "live" | "kept" | "gone" };
  shadows: readonly PartyFacts[];
  /** the jobs that the shadows are to replace */
  live: readonly PartyFacts[];
  caughtUp: boolean;
  /** a position to compare at has been chosen */
  aimed: boolean;
  /** both generations have read beyond it */
  reached: boolean;
  /** the comparison at that position; null while there is none */
  verdict: { passed: boolean; text: string } | null;
  autoPromote: boolean;
  /** what the drained jobs had read has been noted */
  certified: boolean;
  /** the shadow jobs have read all of that, and said as much to be final */
  converged: boolean;
  /** what became of the replay's own generation */
  own: OwnGeneration;
}

export type ReplayAction =
  | "none"
  | "create"
  | "runShadows"
  | "stopShadows"
  | "aim"
  | "compare"
  | "noteRunning"
  | "reopen"
  | "drainLive"
  | "certify"
  | "restoreLive"
  | "swap"
  | "startLive"
  | "withdraw";

/** What an action does, for the documentation. */
export const REPLAY_ACTIONS: Record<ReplayAction, string> = {
  none: "",
  create: "makes the generation and its shadow jobs",
  runShadows: "wants the shadow jobs to run",
  stopShadows: "wants the shadow jobs to stop",
  aim: "chooses the position to compare at: what the live jobs have read by now",
  compare: "compares both generations there",
  noteRunning: "notes which live jobs are to run afterwards",
  reopen: "makes shadow jobs for the kept generation",
  drainLive: "wants the live jobs to stop",
  certify: "notes what the certificates say, and aims there",
  restoreLive: "wants the live jobs to run again that ran before",
  swap: "makes the generation live",
  startLive: "wants the jobs to run that ran before",
  withdraw: "retires the shadow jobs, and wants the live jobs to run again that ran before",
};

export interface ReplayDecision {
  rule: string;
  action: ReplayAction;
  state: ReplayState;
  phase: SwitchPhase | null;
  /** what it waits for or why it failed; null where nothing has to be said */
  reason: string | null;
}
