import type { LaunchPhase } from "../domain/lifecycle/launch.ts";
import type { OperationKind, OperationRequest } from "../domain/lifecycle/operation.ts";
import { Problem } from "../domain/problem.ts";
import type { JobRow, RunRow } from "./rows.ts";

/** What an operation does to the launch of a job, beyond asking its runner. */
export interface Force {
  /** launch that has to end, whatever it is doing */
  kill: string | null;
  /** launch that an operator says is dead */
  declareDead: string | null;
}

export interface ForceFacts {
  kind: OperationKind;
  job: JobRow;
  request: OperationRequest;
  openRuns: RunRow[];
  /** of the job's application; null when it has not been looked at */
  phase: LaunchPhase | null;
  /** of the job's application; null when it has none */
  launch: string | null;
}

/**
 * Decides what a request may do to an application that other jobs may share.
 * @throws Problem `kills_other_jobs` for a kill without force that takes other jobs along; `conflict` where force makes
 *   no sense, because the application is known to live
 */
export function decideForce({ kind, job, request, openRuns, phase, launch }: ForceFacts): Force {
  if (request.mode === "kill" && kind !== "start") return decideKill(job, request, openRuns);
  if (!request.force || launch === null) return { kill: null, declareDead: null };
  if (phase !== "unknown") {
    throw new Problem({
      status: 409,
      code: "conflict",
      title: "Nothing here needs force",
      detail: `force makes ${kind} take the driver of ${job.application} for dead, and that one is ${phase ?? "not looked at yet"}: it is only for a job that is UNKNOWN.`,
      next: `Leave force out, or end the application with POST /v1/jobs/${job.id}/stop and {"mode":"kill"}.`,
    });
  }
  return { kill: null, declareDead: launch };
}

function decideKill(job: JobRow, { force }: OperationRequest, openRuns: RunRow[]): Force {
  const launch = openRuns.find((run) => run.job === job.id)?.launch ?? null;
  const others = openRuns.filter((run) => run.launch === launch && run.job !== job.id).map((run) => run.job);
  if (launch !== null && others.length > 0 && !force) {
    throw new Problem({
      status: 409,
      code: "kills_other_jobs",
      title: "This kill would take other jobs along",
      detail: `${job.id} shares its application ${job.application} with ${others.join(", ")}: killing it interrupts them, and they start again in a new application.`,
      next: 'Stop the job with {"mode":"now"}, or send {"mode":"kill","force":true}.',
    });
  }
  return { kill: launch, declareDead: null };
}
