import { beforeAll, describe, expect, it } from "vitest";
import { waitFor } from "../stack/wait-for.ts";
import { allRunning, expectExact, jobs, manifest, produce, sharedStack } from "./shared-stack.ts";

const stack = sharedStack();

interface Windows {
  items: { status: string; window_end: string; revision: number }[];
  snapshot: { generation: number; finalThrough: string | null; tables: Record<string, { version: number }> };
}

describe("the main job", () => {
  beforeAll(async () => {
    await allRunning(stack);
    await produce(stack, { seed: 11, events: 4000 });
  });

  it("answers every window and every outcome as the oracle works them out", async () => {
    await expectExact(stack);
  });

  it("closes the windows when traffic stops", async () => {
    const answer = await waitFor<Windows>(
      async () => {
        const windows = await stack.rest.get<Windows>("/v1/revenue/windows", { limit: 10_000 });
        const open = windows.items.filter(({ status }) => status !== "final");
        return open.length === 0 && windows.items.length > 0 ? windows : { pending: open.slice(0, 3) };
      },
      { timeout: 60_000, what: "every window to be final" },
    );
    expect(answer.items.every(({ revision }) => revision >= 1)).toBe(true);
    await expectExact(stack);
  });

  it("names the versions of the tables that an answer comes from", async () => {
    const { snapshot } = await stack.rest.get<Windows>("/v1/revenue/windows", { limit: 1 });
    expect(snapshot.generation).toBe(1);
    expect(Object.keys(snapshot.tables).sort()).toEqual(["gold.revenue_5m", "gold.revenue_5m_updates"]);
    for (const { version } of Object.values(snapshot.tables)) expect(version).toBeGreaterThan(0);
  });

  it("measures the quality of every record, refused ones included", async () => {
    const metrics = await stack.rest.all<Record<string, number | string>>("/v1/dq/metrics");
    const total = (name: string) => metrics.reduce((sum, row) => sum + Number(row[name]), 0);
    const outcomes = await stack.rest.get<{
      records: string;
      overridden: string;
      items: { outcome: string; records: string }[];
    }>("/v1/audit/outcomes");
    const records = (outcome: string) => Number(outcomes.items.find((item) => item.outcome === outcome)?.records ?? 0);
    // Quality is of rows: a record that an override let in has two, whichever test has done that.
    expect(total("total_records")).toBe(Number(outcomes.records) + Number(outcomes.overridden));
    expect(total("accepted")).toBe(records("accepted"));
    expect(total("undecodable")).toBe(records("undecodable"));
    expect(total("duplicates")).toBe(records("duplicate"));
    expect(total("null_required_fields")).toBeGreaterThan(0);
    expect(total("invalid_domain_values")).toBeGreaterThan(0);
    expect(total("bad_amounts")).toBeGreaterThan(0);
    const samples = await stack.rest.get<{ items: { dq_violation_reason: string }[] }>("/v1/dq/samples");
    expect(samples.items.length).toBeGreaterThan(0);
  });

  it("says where each job stands, partition by partition", async () => {
    for (const job of jobs) {
      const offsets = await stack.rest.get<{ partitions: Record<string, unknown>[]; caughtUp: boolean }>(
        `/v1/jobs/${job}/offsets`,
      );
      expect(offsets.caughtUp, job).toBe(true);
      expect(offsets.partitions).toHaveLength(manifest.topics.events.partitions);
      for (const partition of offsets.partitions) {
        expect(partition).toMatchObject({ earliest: "0", lagRecords: "0" });
        expect(partition.committed).toBe(partition.latest);
      }
    }
  });

  it("keeps the progress and the runs of each job", async () => {
    for (const job of jobs) {
      const progress = await stack.rest.get<{ items: unknown[] }>(`/v1/jobs/${job}/progress`);
      expect(progress.items.length, job).toBeGreaterThan(0);
      const runs = await stack.rest.get<{ items: { epoch: number; endedAt: string | null }[] }>(`/v1/jobs/${job}/runs`);
      expect(runs.items[0], job).toMatchObject({ endedAt: null });
    }
  });
});
