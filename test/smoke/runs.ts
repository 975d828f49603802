import type { Difference } from "../../producer/src/oracle/comparison.ts";
import type { Stack } from "../stack/stack.ts";

/** An item of `GET /v1/jobs/{job}/runs`. */
interface Run {
  epoch: number;
  endedAt: string | null;
  endedBy: string | null;
}

/** Jobs of a fresh stack that were ever stopped, or started again, by whomever. */
export async function endedRuns(stack: Stack, jobs: readonly string[]): Promise<Difference[]> {
  const differences: Difference[] = [];
  for (const job of jobs) {
    const runs = await stack.rest.all<Run>(`/v1/jobs/${job}/runs`);
    if (runs.length === 1 && runs[0]?.endedAt === null) continue;
    const told = runs.map(({ epoch, endedAt, endedBy }) =>
      endedAt === null ? `epoch ${epoch} runs` : `epoch ${epoch} ended by ${endedBy} at ${endedAt}`,
    );
    differences.push({ key: `runs of ${job}`, expected: "one, which runs", actual: told.join(", ") || "none" });
  }
  return differences;
}
