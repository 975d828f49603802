import { describe, expect, it } from "vitest";
import { DEFAULT_RESTART, type JobSpec } from "../../../src/domain/specs/job-spec.ts";
import { applicationChanges, jobChanges, needsRestart } from "../../../src/domain/specs/spec-change.ts";

const job: JobSpec = {
  kind: "gold",
  application: "sales",
  triggerMs: 0,
  limits: { maxFilesPerTrigger: 64 },
  options: {},
  reads: ["silver.sales_events"],
  writes: ["gold.revenue_5m"],
  restart: DEFAULT_RESTART,
  drainTimeoutMs: 30_000,
};
const application = { cores: 2, driverMemory: "800m", executorMemory: "800m", shufflePartitions: 2, settings: {} };

describe("a change of a job's spec", () => {
  it("is none when only the order of keys differs", () => {
    const { kind, ...rest } = job;
    expect(jobChanges(job, { ...rest, kind })).toEqual([]);
  });

  it("is told field by field, in the words of requests", () => {
    const found = jobChanges(job, { ...job, triggerMs: 5_000, limits: { maxBytesPerTrigger: 1_000 } });
    expect(found).toEqual([
      { field: "trigger", from: "0s", to: "5s", needs: "restart", note: null },
      { field: "limits.maxFilesPerTrigger", from: 64, to: null, needs: "restart", note: null },
      { field: "limits.maxBytesPerTrigger", from: null, to: 1_000, needs: "restart", note: null },
    ]);
    expect(needsRestart(found)).toBe(true);
  });

  it("holds at once where only the control plane goes by it", () => {
    const found = jobChanges(job, {
      ...job,
      drainTimeoutMs: 60_000,
      restart: { ...DEFAULT_RESTART, maxFailures: 9 },
    });
    expect(found.map(({ field, needs }) => [field, needs])).toEqual([
      ["restart.maxFailures", "nothing"],
      ["drainTimeout", "nothing"],
    ]);
    expect(needsRestart(found)).toBe(false);
  });

  it.each<[keyof JobSpec, unknown, RegExp]>([
    ["kind", "silver", /state of the present one/],
    ["reads", ["bronze.sales_events"], /counts versions of the tables/],
    ["writes", ["gold.other"], /earlier batches would be missing/],
  ])("needs a new generation for %s, and says why", (field, value, note) => {
    const found = jobChanges(job, { ...job, [field]: value });
    expect(found).toMatchObject([{ field, needs: "newGeneration", note: expect.stringMatching(note) }]);
  });
});

describe("a change of an application's spec", () => {
  it("needs a restart, whatever it is", () => {
    const found = applicationChanges(application, {
      ...application,
      cores: 1,
      settings: { "spark.locality.wait": "0s" },
    });
    expect(found.map(({ field, needs }) => [field, needs])).toEqual([
      ["cores", "restart"],
      ["settings.spark.locality.wait", "restart"],
    ]);
  });

  it("says that state keeps the number of partitions that it began with", () => {
    expect(applicationChanges(application, { ...application, shufflePartitions: 4 })).toMatchObject([
      { field: "shufflePartitions", needs: "restart", note: expect.stringMatching(/state that exists stays split/) },
    ]);
  });
});
