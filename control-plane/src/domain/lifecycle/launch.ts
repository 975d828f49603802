import type { RestartVerdict } from "./restart.ts";

/**
 * One launch is one submission of an application. This file decides, from what is known about it, whether it lives and
 * what to do next. The master's word alone never makes a launch dead: ERROR, an unknown id or silence happen to living
 * drivers, too (a frozen worker, a recovering master).
 */

/** What the master says about a driver; `unknown` when it answers but does not know the id. */
export type DriverState =
  | { kind: "state"; state: string; workerId: string | null; message: string | null }
  | { kind: "unknown" }
  | { kind: "unreachable"; reason: string };

/** A launch as recorded. */
export interface LaunchRecord {
  id: string;
  recordedAt: Date;
  /** when the submission was attempted; null when it surely was not */
  submittingAt: Date | null;
  submissionId: string | null;
  adoptedAt: Date | null;
  /** it is to end once its jobs have stopped, so that another one takes its place */
  retiringAt: Date | null;
  /** somebody asked for its end, whatever it is doing */
  killRequestedAt: Date | null;
  /** an operator who says that it is dead, where we cannot find out */
  declaredDeadBy: string | null;
}

export interface LaunchFacts {
  /** some job of the application should run */
  wanted: boolean;
  launch: LaunchRecord | null;
  /** how long the runner has not called, counted while we were listening; null before its first call */
  silentMs: number | null;
  /** why its silence says nothing: it does not know where this control plane is; null when it can call */
  cannotCall: string | null;
  /** the runner says that it is on its way out */
  ending: boolean;
  /** asked only while the runner does not call */
  driver: DriverState | null;
  /** its processes on this machine; unknown where they may run elsewhere or cannot be listed */
  processes: "alive" | "gone" | "unknown";
  /** the master is up, not recovering, and knows no active driver that we cannot account for */
  masterHasNoStrangers: boolean;
  /** resources that the driver or its executors wait for, as a sentence */
  noResources: string | null;
  /** it was submitted with another spec than the present one */
  outdated: boolean;
  restart: RestartVerdict;
  /** the newest failure, as a sentence */
  lastFailure: string | null;
  now: Date;
}

/** What an application can be, and when it is that. */
export const LAUNCH_PHASES = {
  none: "no job of it should run, and it has no driver",
  backoff: "it failed, and is submitted again after a wait that doubles from failure to failure",
  givenUp: "it failed too often; a start of one of its jobs tries again",
  submitting: "its submission is recorded, and is being made",
  starting: "it has been submitted, and its runner has not called yet",
  live: "its runner calls",
  retiring: "its runner calls; its jobs are being stopped, and then it ends and is submitted anew",
  ending: "its runner calls, and says that it is on its way out",
  silent: "its runner does not call, and its processes are there",
  killing: "somebody asked for its end, and it is not known to be dead yet",
  unknown: "its runner does not call, or cannot, and it is not known to be dead: nothing replaces it",
} as const;
export type LaunchPhase = keyof typeof LAUNCH_PHASES;

export interface LaunchDecision {
  phase: LaunchPhase;
  action: "none" | "record" | "submit" | "end" | "kill" | "requestKill";
  reason: string | null;
}

export interface LaunchTimes {
  /** silence after which nobody may claim that the launch lives */
  heartbeatTimeoutMs: number;
  /** silence after which a process that still exists is taken for frozen and killed */
  frozenMs: number;
  /** how long an attempted submission may take to show up as a process */
  appearMs: number;
}

const DEAD_STATES = ["FINISHED", "FAILED", "KILLED"];

/** Decides about one application; repeated until it answers `none`, each step may be interrupted and repeated. */
export function decideLaunch(facts: LaunchFacts, times: LaunchTimes): LaunchDecision {
  const { launch } = facts;
  if (launch === null) return decideNew(facts);
  if (launch.declaredDeadBy !== null) {
    return { phase: "none", action: "end", reason: `declared dead by ${launch.declaredDeadBy}` };
  }
  if (launch.killRequestedAt !== null) return decideKilled(facts, launch, times);
  if (launch.submittingAt === null) {
    return facts.wanted
      ? { phase: "submitting", action: "submit", reason: "is being submitted" }
      : { phase: "none", action: "end", reason: "no longer wanted before it was submitted" };
  }
  if (waitsInVain(facts, launch)) {
    return { phase: "killing", action: "requestKill", reason: `makes way for its present spec: ${facts.noResources}` };
  }
  if (launch.adoptedAt !== null) return decideAdopted(facts, launch, times);
  return decideSubmitted(facts, launch, launch.submittingAt, times);
}

/** There is no room for what was submitted, and that is no longer what is wanted: no batch gets anywhere in it. */
function waitsInVain({ noResources, outdated, wanted }: LaunchFacts, launch: LaunchRecord): boolean {
  return noResources !== null && (outdated || (!wanted && launch.adoptedAt === null));
}

function decideNew({ wanted, restart, lastFailure }: LaunchFacts): LaunchDecision {
  if (!wanted) return { phase: "none", action: "none", reason: null };
  const because = lastFailure === null ? "" : `: ${lastFailure}`;
  if (restart.givenUp) {
    const reason = `the application ended ${restart.failures} times in a row${because}`;
    return { phase: "givenUp", action: "none", reason };
  }
  if (restart.retryAt !== null) {
    const reason = `is submitted again at ${restart.retryAt.toISOString()}${because}`;
    return { phase: "backoff", action: "none", reason };
  }
  return { phase: "submitting", action: "record", reason: "is being submitted" };
}

function decideSubmitted(
  facts: LaunchFacts,
  launch: LaunchRecord,
  submittingAt: Date,
  times: LaunchTimes,
): LaunchDecision {
  const { driver, processes } = facts;
  const waited = facts.now.getTime() - submittingAt.getTime();
  const starting: LaunchDecision = {
    phase: "starting",
    action: "none",
    reason: facts.noResources ?? facts.cannotCall ?? "driver is starting",
  };
  if (driver?.kind === "state" && DEAD_STATES.includes(driver.state)) {
    return processes === "alive"
      ? { phase: "unknown", action: "kill", reason: `driver is ${driver.state}, but a process of it is still there` }
      : { phase: "none", action: "end", reason: `${describe(driver)} before its runner called` };
  }
  if (driver?.kind === "state" && ["SUBMITTED", "RUNNING", "RELAUNCHING"].includes(driver.state)) return starting;
  if (waited < times.appearMs || processes === "alive") return starting;
  // No answer came to the submission, or the master has forgotten it. Without a process here, and with a master that has
  // nothing pending which could be ours, it can no longer appear.
  if (processes === "gone" && facts.masterHasNoStrangers) {
    const reason =
      launch.submissionId === null ? "the submission was never made" : `no process of it: ${describe(driver)}`;
    return { phase: "none", action: "end", reason };
  }
  return { phase: "unknown", action: "none", reason: `cannot find out whether the driver lives: ${describe(driver)}` };
}

function decideAdopted(facts: LaunchFacts, launch: LaunchRecord, times: LaunchTimes): LaunchDecision {
  const { driver, processes } = facts;
  const silentMs = facts.silentMs ?? 0;
  const calls = silentMs <= times.heartbeatTimeoutMs;
  // Somebody ended it on purpose: the last words of its jobs may still be on their way.
  if (calls && facts.ending) return { phase: "ending", action: "none", reason: "its runner is ending" };
  if (processes === "gone") return { phase: "none", action: "end", reason: "the driver's processes are gone" };
  if (calls && launch.retiringAt !== null) return { phase: "retiring", action: "none", reason: "is being restarted" };
  if (calls) return { phase: "live", action: "none", reason: facts.noResources };
  const dead = driver?.kind === "state" && DEAD_STATES.includes(driver.state);
  if (dead && processes === "unknown") {
    return { phase: "none", action: "end", reason: `the driver ended as ${driver.state}` };
  }
  // A moment and no age: what is saved and told must not change with every look.
  const since = new Date(facts.now.getTime() - silentMs).toISOString();
  if (facts.cannotCall !== null && !dead) {
    const reason = `${facts.cannotCall}: it finds it by the lake's control-plane.json; if not, start a control plane there`;
    return { phase: "unknown", action: "none", reason };
  }
  if (processes === "alive" && (dead || silentMs > times.frozenMs)) {
    const reason = `the runner has been silent since ${since}: its processes are killed before they are replaced`;
    return { phase: "unknown", action: "kill", reason };
  }
  const reason = `the runner has been silent since ${since} (${describe(driver)})`;
  return { phase: processes === "alive" ? "silent" : "unknown", action: "none", reason };
}

/** Killed again and again until nothing of it can be alive: a kill that was answered is no proof. */
function decideKilled(facts: LaunchFacts, launch: LaunchRecord, times: LaunchTimes): LaunchDecision {
  const { driver, processes } = facts;
  const waited = facts.now.getTime() - (launch.submittingAt?.getTime() ?? 0);
  const dead = driver?.kind === "state" && DEAD_STATES.includes(driver.state);
  const isGone =
    (processes === "gone" && launch.adoptedAt !== null) ||
    (dead && processes !== "alive") ||
    (processes === "gone" && facts.masterHasNoStrangers && waited >= times.appearMs);
  return launch.submittingAt === null || isGone
    ? { phase: "none", action: "end", reason: "killed on request" }
    : { phase: "killing", action: "kill", reason: `is being killed on request (${describe(driver)})` };
}

function describe(driver: DriverState | null): string {
  if (driver === null) return "the master has not been asked yet";
  if (driver.kind === "unreachable") return `the Spark master does not answer: ${driver.reason}`;
  if (driver.kind === "unknown") return "the Spark master does not know its driver";
  return `the Spark master says ${driver.state}${driver.message === null ? "" : ` (${driver.message})`}`;
}
