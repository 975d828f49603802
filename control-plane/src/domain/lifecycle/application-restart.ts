import type { DesiredState, JobState } from "./job.ts";
import type { LaunchPhase } from "./launch.ts";
import { type OperationDecision, START_LIMIT_MS } from "./operation.ts";

/** What the restart of an application depends on. */
export interface ApplicationRestartFacts {
  createdAt: Date;
  /** the launch that was to end is known to be dead; or there was none */
  ended: boolean;
  phase: LaunchPhase;
  reason: string | null;
  jobs: {
    id: string;
    desired: DesiredState;
    state: JobState;
    reason: string | null;
    hasRun: boolean;
    /** it will not be started again without a request */
    givenUp: boolean;
  }[];
  now: Date;
}

/** Decides the next step of an application's restart; safe to repeat after a crash anywhere. */
export function decideApplicationRestart(facts: ApplicationRestartFacts): OperationDecision {
  const { ended, phase, jobs } = facts;
  const running = (step: string): OperationDecision => ({ state: "running", step, setDesired: null });
  const failed = (step: string): OperationDecision => ({ state: "failed", step, setDesired: null });
  if (!ended) return running(waitsForEnd(facts));
  const wanted = jobs.filter((job) => job.desired === "running");
  const broken = wanted.find((job) => job.state === "FAILED" && job.givenUp);
  if (phase === "givenUp") return failed(facts.reason ?? "the application failed too often");
  if (broken !== undefined) return failed(`${broken.id}: ${broken.reason ?? "failed"}`);
  const open = wanted.filter((job) => job.state !== "RUNNING");
  if (open.length === 0) {
    const step = wanted.length === 0 ? "ended; no job of it should run" : "its jobs run again";
    return { state: "succeeded", step, setDesired: null };
  }
  const waits = `waits for ${open.map((job) => `${job.id} (${job.state})`).join(", ")}`;
  if (facts.now.getTime() - facts.createdAt.getTime() > START_LIMIT_MS) return failed(`not running in time: ${waits}`);
  return running(phase === "live" ? waits : `waits for its new driver: ${facts.reason ?? phase}`);
}

function waitsForEnd({ phase, reason, jobs }: ApplicationRestartFacts): string {
  const draining = jobs.filter((job) => job.hasRun).map((job) => job.id);
  if (phase === "retiring" && draining.length > 0) return `waits for its jobs to stop: ${draining.join(", ")}`;
  if (phase === "retiring" || phase === "ending") return "its jobs have stopped; waits for its driver to end";
  return `waits for its driver to end: ${reason ?? phase}`;
}
