/** What a replay can be; the rules in steps.ts say when it becomes which. */
export const REPLAY_STATE_MEANINGS = {
  planned: "it is recorded, and its generation is about to be made",
  running: "its shadow jobs read, beside the live ones",
  paused: "its shadow jobs stand still until it is resumed",
  caught_up: "its shadow jobs follow the live ones closely",
  diffing: "both generations are being compared at one position",
  diffed: "they have been compared; somebody decides, or the gates do",
  promoting: "its generation is being made live; the phase says how far that is",
  promoted: "its generation is live, and the one before is kept for a while",
  rolling_back: "the generation before is being made live again",
  rolled_back: "the generation before is live again, and its own is kept for a while",
  cancelling: "its shadow jobs stop, and what was drained for it starts again",
  cancelled: "it was given up; its generation is deleted",
  failed: "something has to be seen to: `failure` says what. The live jobs run; resume tries again, cancel gives it up",
} as const;
export type ReplayState = keyof typeof REPLAY_STATE_MEANINGS;
export const REPLAY_STATES = Object.keys(REPLAY_STATE_MEANINGS) as ReplayState[];

/** How far an exchange of generations is, be it a promotion or a roll back. */
export const SWITCH_PHASE_MEANINGS = {
  reopening: "a generation that is kept gets shadow jobs again",
  catching_up: "these read what has come since",
  draining: "the live jobs finish their batches and stop, each with a certificate",
  converging: "the shadow jobs read up to what the certificates say, and beyond",
  verifying: "both generations are compared once more, at exactly that position",
  stopping: "the shadow jobs finish their batches and stop",
  swapping: "in one transaction the other generation becomes live",
  starting: "the jobs that ran before are started on it",
} as const;
export type SwitchPhase = keyof typeof SWITCH_PHASE_MEANINGS;
export const SWITCH_PHASES = Object.keys(SWITCH_PHASE_MEANINGS) as SwitchPhase[];

/** A replay in these states holds the pipeline: no other one can begin. */
export const ENDED_STATES: readonly ReplayState[] = ["promoted", "rolled_back", "cancelled"];

/** What people can ask of a replay, from which states, and where that leads. */
export const REPLAY_REQUESTS = {
  pause: { from: ["running", "caught_up", "diffing", "diffed"], to: "paused" },
  resume: { from: ["paused", "failed"], to: "running" },
  diff: { from: ["caught_up", "diffed"], to: "diffing" },
  promote: { from: ["diffed", "rolled_back"], to: "promoting" },
  rollback: { from: ["promoted"], to: "rolling_back" },
  cancel: {
    from: [
      ...(["planned", "running", "paused", "caught_up", "diffing", "diffed"] as const),
      ...(["promoting", "rolling_back", "failed"] as const),
    ],
    to: "cancelling",
  },
} as const satisfies Record<string, { from: readonly ReplayState[]; to: ReplayState }>;
export type ReplayRequestKind = keyof typeof REPLAY_REQUESTS;

/** From here on an exchange only goes forward: it is a matter of moments. */
export const BEYOND_CANCEL: readonly SwitchPhase[] = ["swapping", "starting"];

/** `never`: it was not live yet; `live`: it is; `before`: it was, and another one is. */
export type OwnGeneration = "never" | "live" | "before";

/** Where a replay goes on that was paused or failed. */
export function resumedAt(
  own: OwnGeneration,
  hasGeneration: boolean,
): { state: ReplayState; phase: SwitchPhase | null } {
  if (own === "live") return { state: "rolling_back", phase: "reopening" };
  if (own === "before") return { state: "promoting", phase: "reopening" };
  return { state: hasGeneration ? "running" : "planned", phase: null };
}
