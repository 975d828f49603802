import type { PartyFacts, ReplayAction, ReplayDecision, ReplayFacts } from "./facts.ts";
import type { ReplayState, SwitchPhase } from "./state.ts";

interface Rule {
  id: string;
  when: string;
  in: readonly ReplayState[];
  phases?: readonly SwitchPhase[];
  holds: (facts: ReplayFacts) => boolean;
  action: ReplayAction;
  /** where the step leads; left out: it stays */
  state?: ReplayState | ((facts: ReplayFacts) => ReplayState);
  phase?: SwitchPhase | null;
  reason?: (facts: ReplayFacts) => string | null;
}

const always = () => true;
const SWITCHING: ReplayState[] = ["promoting", "rolling_back"];
const COMPARING: ReplayState[] = ["running", "caught_up", "diffing", "diffed"];
const BEFORE_STOP: SwitchPhase[] = ["catching_up", "draining", "converging", "verifying"];
const done = ({ state }: ReplayFacts): ReplayState => (state === "promoting" ? "promoted" : "rolled_back");
const withdrawn = ({ own }: ReplayFacts): ReplayState =>
  own === "never" ? "cancelled" : own === "live" ? "promoted" : "rolled_back";
const lost = (facts: ReplayFacts) => facts.shadows.find(({ gaveUp }) => gaveUp !== null) ?? null;
const lostText = (facts: ReplayFacts) => `${lost(facts)?.job} failed: ${lost(facts)?.gaveUp}`;
const names = (parties: readonly PartyFacts[]) => parties.map(({ job }) => job).join(", ");
const going = (parties: readonly PartyFacts[]) => parties.filter(({ wanted, hasRun }) => wanted || hasRun);
const wanted = (parties: readonly PartyFacts[]) => parties.some((party) => party.wanted);

/**
 * The one table of a replay's steps: of the rules for its state (and phase), read from top to bottom, the first that holds decides.
 * Each action may have been done before: a crash repeats it. What is saved after it is where the replay goes on.
 */
export const REPLAY_RULES: readonly Rule[] = [
  { id: "made", when: "always", in: ["planned"], holds: always, action: "create", state: "running" },
  {
    id: "shadow-gave-up",
    when: "a shadow job failed too often",
    in: COMPARING,
    holds: (facts) => lost(facts) !== null,
    action: "stopShadows",
    state: "failed",
    reason: lostText,
  },
  {
    id: "shadow-gave-up-late",
    when: "a shadow job failed too often",
    in: SWITCHING,
    phases: BEFORE_STOP,
    holds: (facts) => lost(facts) !== null,
    action: "restoreLive",
    state: "failed",
    reason: lostText,
  },
  {
    id: "run",
    when: "a shadow job is not wanted to run",
    in: COMPARING,
    holds: ({ shadows }) => shadows.some((shadow) => !shadow.wanted),
    action: "runShadows",
  },
  {
    id: "caught-up",
    when: "the shadow jobs are close behind the live ones",
    in: ["running"],
    holds: ({ caughtUp }) => caughtUp,
    action: "none",
    state: "caught_up",
  },
  { id: "reads", when: "else", in: ["running"], holds: always, action: "none" },
  { id: "compare-next", when: "always", in: ["caught_up"], holds: always, action: "none", state: "diffing" },
  { id: "aim", when: "no position is chosen", in: ["diffing"], holds: (facts) => !facts.aimed, action: "aim" },
  {
    id: "not-there-yet",
    when: "one of the two has not read up to it",
    in: ["diffing"],
    holds: ({ reached }) => !reached,
    action: "none",
    reason: () => "waits until both generations have read up to the position that is compared",
  },
  {
    id: "compare",
    when: "there is no result for it",
    in: ["diffing"],
    holds: ({ verdict }) => verdict === null,
    action: "compare",
  },
  { id: "compared", when: "else", in: ["diffing"], holds: always, action: "none", state: "diffed" },
  {
    id: "gates-passed",
    when: "it is to be promoted by itself, and all gates pass",
    in: ["diffed"],
    holds: ({ autoPromote, verdict }) => autoPromote && verdict?.passed === true,
    action: "none",
    state: "promoting",
    phase: "catching_up",
  },
  {
    id: "decide",
    when: "else",
    in: ["diffed"],
    holds: always,
    action: "none",
    reason: ({ verdict }) =>
      verdict?.passed === true ? "can be promoted" : `waits for a decision: ${verdict?.text ?? "no result"}`,
  },
  {
    id: "reopen",
    when: "always",
    in: SWITCHING,
    phases: ["reopening"],
    holds: always,
    action: "reopen",
    phase: "catching_up",
  },
  {
    id: "read-on",
    when: "a shadow job is not wanted to run",
    in: SWITCHING,
    phases: ["catching_up", "draining", "converging", "verifying"],
    holds: ({ shadows }) => shadows.some((shadow) => !shadow.wanted),
    action: "runShadows",
  },
  {
    id: "ready",
    when: "the shadow jobs are close behind the live ones",
    in: SWITCHING,
    phases: ["catching_up"],
    holds: ({ caughtUp }) => caughtUp,
    action: "noteRunning",
    phase: "draining",
  },
  {
    id: "reads-on",
    when: "else",
    in: SWITCHING,
    phases: ["catching_up"],
    holds: always,
    action: "none",
    reason: () => "waits until the shadow jobs have read what has come since",
  },
  {
    id: "swapped",
    when: "the generation is live",
    in: SWITCHING,
    phases: ["swapping"],
    holds: ({ target }) => target.state === "live",
    action: "none",
    phase: "starting",
  },
  {
    id: "drain",
    when: "a live job is wanted to run",
    in: SWITCHING,
    phases: ["draining", "converging", "verifying", "stopping", "swapping"],
    holds: ({ live }) => wanted(live),
    action: "drainLive",
    phase: "draining",
  },
  {
    id: "draining",
    when: "a live job still has a run",
    in: SWITCHING,
    phases: ["draining"],
    holds: ({ live }) => going(live).length > 0,
    action: "none",
    reason: ({ live }) => `waits for ${names(going(live))} to stop`,
  },
  {
    id: "certify",
    when: "else",
    in: SWITCHING,
    phases: ["draining"],
    holds: always,
    action: "certify",
    phase: "converging",
  },
  {
    id: "converging",
    when: "a shadow job has not read what the live one had",
    in: SWITCHING,
    phases: ["converging"],
    holds: ({ converged }) => !converged,
    action: "none",
    reason: () => "waits until the shadow jobs have read what the certificates say",
  },
  {
    id: "converged-back",
    when: "it is a roll back: what is rolled back to was live before",
    in: ["rolling_back"],
    phases: ["converging"],
    holds: always,
    action: "none",
    phase: "stopping",
  },
  {
    id: "converged",
    when: "else",
    in: ["promoting"],
    phases: ["converging"],
    holds: always,
    action: "none",
    phase: "verifying",
  },
  {
    id: "verify",
    when: "there is no result for that position",
    in: ["promoting"],
    phases: ["verifying"],
    holds: ({ verdict }) => verdict === null,
    action: "compare",
  },
  {
    id: "verified",
    when: "the gates pass, or were overridden",
    in: ["promoting"],
    phases: ["verifying"],
    holds: ({ verdict }) => verdict?.passed === true,
    action: "none",
    phase: "stopping",
  },
  {
    id: "refused",
    when: "else",
    in: ["promoting"],
    phases: ["verifying"],
    holds: always,
    action: "restoreLive",
    state: "diffed",
    phase: null,
  },
  {
    id: "stop",
    when: "a shadow job is wanted to run",
    in: SWITCHING,
    phases: ["stopping"],
    holds: ({ shadows }) => wanted(shadows),
    action: "stopShadows",
  },
  {
    id: "stopping",
    when: "a shadow job or a live one still has a run",
    in: SWITCHING,
    phases: ["stopping"],
    holds: ({ shadows, live }) => going([...shadows, ...live]).length > 0,
    action: "none",
    reason: ({ shadows, live }) => `waits for ${names(going([...shadows, ...live]))} to stop`,
  },
  {
    id: "stopped",
    when: "else",
    in: SWITCHING,
    phases: ["stopping"],
    holds: always,
    action: "none",
    phase: "swapping",
  },
  { id: "swap", when: "else", in: SWITCHING, phases: ["swapping"], holds: always, action: "swap" },
  {
    id: "start",
    when: "always",
    in: SWITCHING,
    phases: ["starting"],
    holds: always,
    action: "startLive",
    state: done,
    phase: null,
  },
  {
    id: "stand-still",
    when: "a shadow job is wanted to run",
    in: ["paused", "failed", "cancelling"],
    holds: ({ shadows }) => wanted(shadows),
    action: "stopShadows",
  },
  {
    id: "last-batches",
    when: "a shadow job still has a run",
    in: ["cancelling"],
    holds: ({ shadows }) => going(shadows).length > 0,
    action: "none",
    reason: ({ shadows }) => `waits for ${names(going(shadows))} to stop`,
  },
  {
    id: "withdraw",
    when: "else",
    in: ["cancelling"],
    holds: always,
    action: "withdraw",
    state: withdrawn,
    phase: null,
  },
];

/** Applies {@link REPLAY_RULES}; a replay in a state without rules has nothing to do by itself. */
export function decideReplay(facts: ReplayFacts): ReplayDecision {
  const rule = REPLAY_RULES.find(
    (candidate) =>
      candidate.in.includes(facts.state) &&
      (candidate.phases === undefined || (facts.phase !== null && candidate.phases.includes(facts.phase))) &&
      candidate.holds(facts),
  );
  if (rule === undefined) {
    return { rule: "rests", action: "none", state: facts.state, phase: facts.phase, reason: null };
  }
  const { id, action, state = facts.state, phase = facts.phase, reason } = rule;
  return {
    rule: id,
    action,
    state: typeof state === "function" ? state(facts) : state,
    phase,
    reason: reason?.(facts) ?? null,
  };
}
