import type { Report } from "../../control-plane/src/domain/reconciliation/report.ts";
import type { Stack } from "./stack.ts";
import { waitFor } from "./wait-for.ts";

/** What tests look at of a replay. */
export interface ReplayStatus {
  id: string;
  job: string;
  state: string;
  phase: string | null;
  reason: string | null;
  failure: string | null;
  generation: number;
  parent: number;
  gates: { gate: string; passed: boolean; actual: string }[] | null;
  plan: { hash: string; warnings: string[] };
  progress: { percent: number; rowsPerSecond: number | null } | null;
  live: { lagSeconds: number | null; held: string | null };
  steps: { step: string; at: string }[];
}

/**
 * Waits until a replay is somewhere.
 * @throws at once when it has failed, which it was not to
 */
export async function replayIs(
  stack: Stack,
  id: string,
  state: string,
  timeout: number,
  signal?: AbortSignal,
): Promise<ReplayStatus> {
  let failure: string | null = null;
  const found = await waitFor<ReplayStatus>(
    async () => {
      const replay = await stack.rest.get<ReplayStatus>(`/v1/replays/${id}`);
      if (replay.state === state) return replay;
      failure = replay.state === "failed" ? replay.failure : null;
      if (failure !== null) return replay;
      const jobs = replay.progress === null ? "" : JSON.stringify(replay.progress);
      return { pending: `${replay.state} ${replay.phase ?? ""}: ${replay.reason} ${jobs}` };
    },
    { timeout, what: `replay ${id} to be ${state}`, ...(signal === undefined ? {} : { signal }) },
  );
  if (found.state !== state) throw new Error(`Replay ${id} failed: ${failure}`);
  return found;
}

/** Rolls back whatever is promoted: what others read is the generation that was live before. */
export async function rollBackAll(stack: Stack, timeout: number): Promise<void> {
  const { items } = await stack.rest.get<{ items: ReplayStatus[] }>("/v1/replays", { state: "promoted" });
  for (const { id } of items) {
    await stack.rest.post(`/v1/replays/${id}/rollback`);
    await replayIs(stack, id, "rolled_back", timeout);
  }
}

/** Numbers of the generations that are live: one, if all is well. */
export async function liveGenerations(stack: Stack): Promise<number[]> {
  const { items } = await stack.rest.get<{ items: { generation: number; state: string }[] }>("/v1/generations");
  return items.filter(({ state }) => state === "live").map(({ generation }) => generation);
}

/** Up to where live silver has read. */
export async function position(stack: Stack): Promise<Record<string, string>> {
  const { partitions } = await stack.rest.get<{ partitions: { partition: number; committed: string }[] }>(
    "/v1/jobs/sales.silver/offsets",
  );
  return Object.fromEntries(partitions.map(({ partition, committed }) => [String(partition), committed]));
}

/** A recount that finds everything in order; so soon after another one the answer may be that one. */
export async function reconciled(stack: Stack, generation: number, timeout: number): Promise<void> {
  await waitFor(
    async () => {
      const report = await stack.rest.get<Report>("/v1/audit/reconciliation", { recount: "true" });
      const wrong = report.lines.filter(({ verdict }) => verdict !== "ok");
      if (report.generation !== generation || wrong.length > 0) {
        return { pending: `generation ${report.generation}: ${JSON.stringify(wrong.slice(0, 3))}` };
      }
      return report;
    },
    { timeout, what: `generation ${generation} to be reconciled` },
  );
}
