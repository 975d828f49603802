import type { StopMode } from "../sync.ts";
import type { DesiredState, JobState } from "./job.ts";

export type OperationKind = "start" | "stop" | "restart";
export type OperationState = "running" | "succeeded" | "failed" | "superseded";

/** What an operation asked for. */
export interface OperationRequest {
  mode: StopMode;
  timeoutMs: number;
  /** goes on where that may hurt: a kill takes other jobs along, a start takes a driver for dead that may live */
  force: boolean;
}

/** One thing that an operation did or waits for. */
export interface OperationStep {
  step: string;
  at: string;
}

export interface OperationFacts {
  kind: OperationKind;
  createdAt: Date;
  /** epoch of the job when the operation was asked for */
  fromEpoch: number;
  job: {
    desired: DesiredState;
    state: JobState;
    reason: string | null;
    epoch: number;
    hasRun: boolean;
    /** it will not be started again without a request */
    givenUp: boolean;
  };
  now: Date;
}

export interface OperationDecision {
  state: OperationState;
  /** what it waits for or how it ended */
  step: string;
  /** the job's desired state, when the operation changes it now */
  setDesired: DesiredState | null;
}

/** A start that has not come to running by then ends as failed; the job itself goes on trying. */
export const START_LIMIT_MS = 600_000;

/** Decides the next step of an operation from the job's state; safe to repeat after a crash anywhere. */
export function decideOperation(facts: OperationFacts): OperationDecision {
  return facts.kind === "stop" ? decideStop(facts) : decideStart(facts);
}

function decideStop({ job }: OperationFacts): OperationDecision {
  if (job.state === "STOPPED" && !job.hasRun) return { state: "succeeded", step: "stopped", setDesired: null };
  return { state: "running", step: waitingText("to stop", job), setDesired: null };
}

function decideStart(facts: OperationFacts): OperationDecision {
  const { job, kind, fromEpoch } = facts;
  if (kind === "restart" && job.desired === "stopped") {
    return job.hasRun || job.state !== "STOPPED"
      ? { state: "running", step: waitingText("to stop", job), setDesired: null }
      : { state: "running", step: "stopped; starts again", setDesired: "running" };
  }
  const isNew = kind === "start" || job.epoch > fromEpoch;
  if (job.state === "RUNNING" && isNew) return { state: "succeeded", step: "running", setDesired: null };
  if (job.state === "FAILED" && job.givenUp) {
    return { state: "failed", step: job.reason ?? "failed", setDesired: null };
  }
  if (facts.now.getTime() - facts.createdAt.getTime() > START_LIMIT_MS) {
    return { state: "failed", step: `not running in time: ${waitingText("", job)}`, setDesired: null };
  }
  return { state: "running", step: waitingText("to run", job), setDesired: null };
}

function waitingText(goal: string, job: OperationFacts["job"]): string {
  const reason = job.reason === null ? "" : ` (${job.reason})`;
  return `waits for the job ${goal}: ${job.state}${reason}`.replace("  ", " ");
}
