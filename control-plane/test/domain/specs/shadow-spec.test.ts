import { describe, expect, it } from "vitest";
import { DEDICATED, type JobSpec } from "../../../src/domain/specs/job-spec.ts";
import { readShadowSpec, shadowChanges, shadowSpec } from "../../../src/domain/specs/shadow-spec.ts";
import type { Complaint } from "../../../src/domain/strict-reader.ts";
import { JOBS } from "../replay/sales.ts";

const JOB = "sales.silver";
const SPEC: JobSpec = { ...(JOBS[JOB] as JobSpec), triggerMs: 5_000, limits: { maxFilesPerTrigger: 64 } };

function read(given: object) {
  const complaints: Complaint[] = [];
  const differing = readShadowSpec(given, "specs", JOB, SPEC, complaints);
  return { differing, complaints };
}

describe("in what the spec of a shadow differs", () => {
  it("is read as it is written, in the form of specs", () => {
    const given = {
      application: DEDICATED,
      trigger: "60s",
      limits: { maxBytesPerTrigger: 1_000 },
      options: {},
      restart: { maxFailures: 1, backoff: "1000ms" },
      drainTimeout: "2m",
    };
    const differing = { ...given, trigger: "1m", restart: { maxFailures: 1, backoff: "1s" } };
    expect(read(given)).toEqual({ differing, complaints: [] });
    expect(read({})).toEqual({ differing: {}, complaints: [] });
  });

  it.each([
    ["trigger", { trigger: "2h" }, "at most 1h"],
    ["drainTimeout", { drainTimeout: "0s" }, "more than zero"],
    ["application", { application: "" }, "a text"],
    ["limits.maxOffsetsPerTrigger", { limits: { maxOffsetsPerTrigger: 5 } }, "a job that reads Delta tables"],
    ["limits.maxFilesPerTrigger", { limits: { maxFilesPerTrigger: 1.5 } }, "a whole number, at least 1"],
    ["options.minPartitions", { options: { minPartitions: 6 } }, "a job that reads Delta tables"],
    ["restart.maxFailures", { restart: { maxFailures: 51 } }, "1 to 50"],
    ["restart.maxBackoff", { restart: { backoff: "5m" } }, "at least backoff"],
    ["restart.maxBackof", { restart: { maxBackof: "5m" } }, "no such key"],
    ["triger", { triger: "5s" }, "known here: application, trigger, limits, options, restart, drainTimeout"],
  ])("is checked as any spec is: %s", (field, given, expected) => {
    const { complaints } = read(given);
    expect(complaints.map(({ path }) => path)).toEqual([`specs.${field}`]);
    expect(complaints[0]?.expected).toContain(expected);
  });

  it("is never what makes it another pipeline", () => {
    const { complaints } = read({ kind: "gold", reads: SPEC.reads, writes: [] });
    expect(complaints).toEqual(
      [
        ["kind", "gold"],
        ["reads", SPEC.reads],
        ["writes", []],
      ].map(([field, value]) => ({
        path: `specs.${field}`,
        value,
        expected: expect.stringContaining("another pipeline, and no replay of this one"),
      })),
    );
  });
});

describe("the spec of a shadow", () => {
  it("is that of its job, but for the fields and entries that differ", () => {
    const differing = { limits: { maxBytesPerTrigger: 1_000 }, restart: { maxFailures: 1 } };
    expect(shadowSpec(JOB, SPEC)).toEqual(SPEC);
    expect(shadowSpec(JOB, SPEC, differing)).toEqual({
      ...SPEC,
      limits: { maxFilesPerTrigger: 64, maxBytesPerTrigger: 1_000 },
      restart: { ...SPEC.restart, maxFailures: 1 },
    });
  });

  it("leaves it in the application of its job, also where that is the job's own, unless it says otherwise", () => {
    const own = { ...SPEC, application: DEDICATED };
    expect(shadowSpec(JOB, own).application).toBe(JOB);
    expect(shadowSpec(JOB, own, { application: DEDICATED }).application).toBe(DEDICATED);
    expect(shadowSpec(JOB, own, { application: "sales" }).application).toBe("sales");
  });

  it("tells in which fields it differs", () => {
    const changes = (spec: JobSpec, differing: Parameters<typeof shadowSpec>[2]) =>
      shadowChanges(JOB, spec, shadowSpec(JOB, spec, differing));
    expect(changes(SPEC, { trigger: "5s", limits: { maxFilesPerTrigger: 64 } })).toEqual([]);
    expect(changes(SPEC, { trigger: "0s", limits: { maxFilesPerTrigger: 16, maxBytesPerTrigger: 9 } })).toEqual([
      { field: "trigger", from: "5s", to: "0s" },
      { field: "limits.maxFilesPerTrigger", from: 64, to: 16 },
      { field: "limits.maxBytesPerTrigger", from: null, to: 9 },
    ]);
    const own = { ...SPEC, application: DEDICATED };
    expect(changes(own, {})).toEqual([]);
    expect(changes(own, { application: DEDICATED })).toEqual([{ field: "application", from: JOB, to: DEDICATED }]);
  });
});
