import type { JobOffsets, JobStatus } from "../stack/resources.ts";
import type { Stack } from "../stack/stack.ts";
import { waitFor } from "../stack/wait-for.ts";

/** Waits until every job of the pipeline runs. */
export async function jobsRunning(
  stack: Pick<Stack, "rest">,
  jobs: string[],
  timeout: number,
  signal: AbortSignal,
): Promise<void> {
  await waitFor(
    async () => {
      const states = await jobStates(stack);
      return jobs.every((job) => states[job]?.toLowerCase() === "running") || { pending: states };
    },
    { timeout, what: `${jobs.join(", ")} to run`, signal },
  );
}

/**
 * Waits until every job has consumed what Kafka holds.
 * @param events at least so many records Kafka must hold
 * @param onProgress sees how many records each job has committed, whenever that changes
 * @throws when the time is over, with the jobs' states
 */
export async function jobsCaughtUp(
  stack: Pick<Stack, "rest">,
  jobs: string[],
  events: number,
  wait: { timeout: number; signal: AbortSignal },
  onProgress: (line: string) => void,
): Promise<void> {
  let shown = "";
  await waitFor(
    async () => {
      const all = await Promise.all(jobs.map((job) => offsetsOf(stack, job)));
      const states = await jobStates(stack);
      const line = all.map((offsets) => progressOf(offsets, states[offsets.job])).join("  ");
      if (line !== shown) onProgress(line);
      shown = line;
      const isThrough = all.every(
        ({ partitions, caughtUp }) => caughtUp && sum(partitions.map((p) => p.committed)) >= events,
      );
      return isThrough || { pending: line };
    },
    { ...wait, what: `all jobs to have consumed ${events} events`, interval: 200 },
  );
}

function progressOf({ job, partitions }: JobOffsets, state: string | undefined): string {
  const committed = `${job} ${sum(partitions.map((p) => p.committed))}`;
  return state?.toLowerCase() === "running" ? committed : `${committed} (${state ?? "no such job"})`;
}

async function offsetsOf(stack: Pick<Stack, "rest">, job: string): Promise<JobOffsets> {
  return await stack.rest.get<JobOffsets>(`/v1/jobs/${job}/offsets`);
}

async function jobStates(stack: Pick<Stack, "rest">): Promise<Record<string, string>> {
  const { items } = await stack.rest.get<{ items: JobStatus[] }>("/v1/jobs");
  return Object.fromEntries(items.map(({ id, state, reason }) => [id, reason ? `${state}: ${reason}` : state]));
}

function sum(offsets: (string | null)[]): number {
  return offsets.reduce((total, offset) => total + Number(offset ?? 0), 0);
}
