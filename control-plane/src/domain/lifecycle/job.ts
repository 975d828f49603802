import type { JobReport } from "../sync.ts";
import type { LaunchPhase } from "./launch.ts";
import type { RestartVerdict } from "./restart.ts";

/** What a job can be; {@link RULES} says when it is which. */
export const JOB_STATE_MEANINGS = {
  STOPPED: "it should not run, and nothing of it runs",
  STARTING: "it should run, and is on its way",
  WAITING: "it should run, and waits for something that the reason names",
  RUNNING: "its query made progress, or said that there is nothing to do, within the time limit",
  STALLED: "its query lives and has said nothing for longer than the time limit",
  DRAINING: "it finishes its batch and stops",
  FAILED: "its query died; the reason has the exception and when it starts again, if it does by itself",
  UNKNOWN: "nobody can say whether it runs: its driver does not call, and is not known to be dead",
} as const;
export type JobState = keyof typeof JOB_STATE_MEANINGS;
export const JOB_STATES = Object.keys(JOB_STATE_MEANINGS) as JobState[];
export type DesiredState = "running" | "stopped";

/** A topic of which Kafka does not tell. */
export interface TopicAway {
  since: Date;
  why: string;
}

/** Everything that the state of a job depends on. */
export interface JobFacts {
  desired: DesiredState;
  /** its open run: one life, with an epoch, on a launch */
  run: { epoch: number; stopping: boolean; launchEnded: boolean } | null;
  launch: { phase: LaunchPhase; reason: string | null; noResources: string | null };
  /** what the runner last said about this run; null when it said nothing about this epoch */
  report: JobReport | null;
  restart: RestartVerdict;
  /** the exception of the newest failed run, as a sentence */
  lastFailure: string | null;
  /** how long its query may say nothing; see progress-limit.ts */
  progressTimeoutMs: number;
  /** the topic that it reads, when that does not answer us; null when it does, or where it reads none */
  topicAway: TopicAway | null;
  /** since when that topic answers again; null when it was never away, and where it reads none */
  topicBackAt: Date | null;
  now: Date;
}

export type JobAction = "none" | "openRun" | "closeRun";

export interface JobDecision {
  rule: string;
  state: JobState;
  action: JobAction;
  reason: string | null;
}

interface Rule {
  id: string;
  /** for the documentation */
  when: string;
  holds: (facts: JobFacts) => boolean;
  state: JobState;
  action: JobAction;
  reason: (facts: JobFacts) => string | null;
}

const nothing = () => null;
const wantsStop = (facts: JobFacts) => facts.desired === "stopped" || facts.run?.stopping === true;
const silent = (facts: JobFacts) => facts.launch.phase === "silent" || facts.launch.phase === "unknown";
/** A query that has nothing to do says so every second, and most batches end sooner. */
const QUIET_MS = 4_000;
const reported = (facts: JobFacts, ...states: JobReport["state"][]) =>
  facts.run !== null && facts.report !== null && states.includes(facts.report.state);

/**
 * The one table of job states: read from top to bottom, the first rule that holds decides the state and the next step.
 * A run that ended is closed before anything else is decided; nothing is opened while an old run may still write.
 */
export const RULES: readonly Rule[] = [
  {
    id: "run-lost",
    when: "its run was on a launch that has ended",
    holds: (facts) => facts.run?.launchEnded === true,
    state: "STARTING",
    action: "closeRun",
    reason: () => "its application ended",
  },
  {
    id: "run-failed",
    when: "the runner reports that its query failed",
    holds: (facts) => reported(facts, "failed"),
    state: "FAILED",
    action: "closeRun",
    reason: (facts) => exceptionText(facts.report),
  },
  {
    id: "run-stopped",
    when: "the runner reports that it has stopped",
    holds: (facts) => reported(facts, "stopped"),
    state: "STOPPED",
    action: "closeRun",
    reason: nothing,
  },
  {
    id: "stopped",
    when: "it should not run and has no run",
    holds: (facts) => facts.desired === "stopped" && facts.run === null,
    state: "STOPPED",
    action: "none",
    reason: nothing,
  },
  {
    id: "unknown",
    when: "its run is on a launch that does not call and is not known to be dead",
    holds: (facts) => facts.run !== null && silent(facts),
    state: "UNKNOWN",
    action: "none",
    reason: (facts) => facts.launch.reason,
  },
  {
    id: "draining",
    when: "its run has been asked to stop",
    holds: (facts) => facts.run !== null && wantsStop(facts),
    state: "DRAINING",
    action: "none",
    reason: (facts) => (facts.desired === "running" ? "starts again as soon as it has stopped" : null),
  },
  {
    id: "runner-draining",
    when: "the runner stops it without having been asked",
    holds: (facts) => reported(facts, "draining"),
    state: "DRAINING",
    action: "none",
    reason: () => "its runner is stopping; starts again afterwards",
  },
  {
    id: "gave-up",
    when: "it failed too often for its restart policy",
    holds: (facts) => facts.run === null && facts.restart.givenUp,
    state: "FAILED",
    action: "none",
    reason: (facts) =>
      `gave up after ${facts.restart.failures} ${facts.restart.failures === 1 ? "failure" : "failures"}: ${facts.lastFailure ?? "no exception"}. Start it again once the cause is gone`,
  },
  {
    id: "backoff",
    when: "it failed and waits for its next start",
    holds: (facts) => facts.run === null && facts.restart.retryAt !== null,
    state: "FAILED",
    action: "none",
    reason: (facts) =>
      `${facts.lastFailure ?? "no exception"}; starts again at ${facts.restart.retryAt?.toISOString() ?? "once"}`,
  },
  {
    id: "application-gave-up",
    when: "its application failed too often for its restart policy",
    holds: (facts) => facts.launch.phase === "givenUp",
    state: "FAILED",
    action: "none",
    reason: (facts) => facts.launch.reason,
  },
  {
    id: "no-resources",
    when: "the cluster has no room for its application",
    holds: (facts) => facts.launch.noResources !== null && !reported(facts, "failed"),
    state: "WAITING",
    action: "none",
    reason: (facts) => facts.launch.noResources,
  },
  {
    id: "application-unknown",
    when: "its application does not call and is not known to be dead",
    holds: silent,
    state: "UNKNOWN",
    action: "none",
    reason: (facts) => facts.launch.reason,
  },
  {
    id: "application-starting",
    when: "its application is not there yet",
    holds: (facts) => facts.launch.phase !== "live",
    state: "STARTING",
    action: "none",
    reason: (facts) => `its application: ${facts.launch.reason ?? "is not there yet"}`,
  },
  {
    id: "assign",
    when: "its application lives and it has no run",
    holds: (facts) => facts.run === null,
    state: "STARTING",
    action: "openRun",
    reason: nothing,
  },
  {
    id: "waiting",
    when: "the runner reports that it waits for something",
    holds: (facts) => reported(facts, "waiting"),
    state: "WAITING",
    action: "none",
    reason: (facts) => facts.report?.waitingFor ?? "waits, and does not say for what",
  },
  {
    id: "topic-away",
    when: "its query is quiet, and the topic that it reads does not answer the control plane either",
    holds: (facts) => reported(facts, "running") && facts.topicAway !== null && progressAgeMs(facts) > QUIET_MS,
    state: "WAITING",
    action: "none",
    reason: (facts) =>
      `its topic has not answered since ${facts.topicAway?.since.toISOString()} (${facts.topicAway?.why}); it goes on by itself once it does`,
  },
  {
    id: "topic-back",
    when: "its query has not been heard since the topic that it reads answers again, which is no longer ago than the time limit",
    holds: (facts) => reported(facts, "running") && isWaitingForTopic(facts),
    state: "WAITING",
    action: "none",
    reason: (facts) => `its topic answers again since ${facts.topicBackAt?.toISOString()}; it has not gone on yet`,
  },
  {
    id: "running",
    when: "its query made progress or reported idle within the time limit",
    holds: (facts) => reported(facts, "running") && progressAgeMs(facts) <= facts.progressTimeoutMs,
    state: "RUNNING",
    action: "none",
    reason: nothing,
  },
  {
    id: "first-batch",
    when: "its query runs and has not finished its first batch",
    holds: (facts) => reported(facts, "running") && !facts.report?.lastProgressAt,
    state: "STARTING",
    action: "none",
    reason: () => "its first batch is running",
  },
  {
    id: "stalled",
    when: "its query lives but has neither made progress nor reported idle for longer than the time limit",
    holds: (facts) => reported(facts, "running"),
    state: "STALLED",
    action: "none",
    // A moment and no age: what is saved and told must not change with every look.
    reason: (facts) => `no progress since ${facts.report?.lastProgressAt}`,
  },
  {
    id: "starting",
    when: "it has been assigned and its query is not there yet",
    holds: () => true,
    state: "STARTING",
    action: "none",
    reason: nothing,
  },
];

/** Applies {@link RULES}. */
export function decideJob(facts: JobFacts): JobDecision {
  const rule = RULES.find((candidate) => candidate.holds(facts)) as Rule;
  return { rule: rule.id, state: rule.state, action: rule.action, reason: rule.reason(facts) };
}

/** An exception as one sentence; null when the report has none. */
export function exceptionText(report: Pick<JobReport, "exception"> | null): string | null {
  const exception = report?.exception;
  return exception ? `${exception.class}: ${exception.message.split("\n")[0]}` : null;
}

/** What a query had to wait for is no standstill of its own: its time limit begins when that is back. */
function isWaitingForTopic(facts: JobFacts): boolean {
  const { topicBackAt, now, report } = facts;
  if (topicBackAt === null || !report?.lastProgressAt || progressAgeMs(facts) <= QUIET_MS) return false;
  const backMs = now.getTime() - topicBackAt.getTime();
  return progressAgeMs(facts) > backMs && backMs <= facts.progressTimeoutMs;
}

function progressAgeMs(facts: JobFacts): number {
  const at = Date.parse(facts.report?.lastProgressAt ?? "");
  return Number.isNaN(at) ? Number.POSITIVE_INFINITY : facts.now.getTime() - at;
}
