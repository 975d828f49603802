import { describe, expect, it } from "vitest";
import {
  type ApplicationRestartFacts,
  decideApplicationRestart,
} from "../../../src/domain/lifecycle/application-restart.ts";

const now = new Date("2026-11-21T12:00:00Z");
const job: ApplicationRestartFacts["jobs"][number] = {
  id: "sales.gold",
  desired: "running",
  state: "RUNNING",
  reason: null,
  hasRun: true,
  givenUp: false,
};
const facts: ApplicationRestartFacts = { createdAt: now, ended: true, phase: "live", reason: null, jobs: [job], now };
const decide = (change: Partial<ApplicationRestartFacts>) => decideApplicationRestart({ ...facts, ...change });

describe("the restart of an application", () => {
  it("waits for its jobs, then for its driver", () => {
    const draining = { ...job, state: "DRAINING" as const };
    expect(decide({ ended: false, phase: "retiring", jobs: [draining] })).toMatchObject({
      state: "running",
      step: "waits for its jobs to stop: sales.gold",
    });
    expect(decide({ ended: false, phase: "retiring", jobs: [{ ...job, hasRun: false }] })).toMatchObject({
      step: expect.stringMatching(/waits for its driver to end/),
    });
    expect(decide({ ended: false, phase: "unknown", reason: "silent for 9 s" })).toMatchObject({
      state: "running",
      step: "waits for its driver to end: silent for 9 s",
    });
  });

  it("has succeeded once its new driver lives and every job that should run does", () => {
    expect(decide({})).toMatchObject({ state: "succeeded" });
    expect(decide({ jobs: [job, { ...job, desired: "stopped", state: "STOPPED" }] })).toMatchObject({
      state: "succeeded",
    });
    expect(decide({ jobs: [{ ...job, state: "STARTING" }] })).toMatchObject({
      state: "running",
      step: "waits for sales.gold (STARTING)",
    });
    expect(decide({ phase: "none", jobs: [] })).toMatchObject({ state: "succeeded" });
  });

  it("has failed when the application or a job gives up, or it takes too long", () => {
    expect(decide({ phase: "givenUp", reason: "ended 5 times in a row" })).toMatchObject({
      state: "failed",
      step: "ended 5 times in a row",
    });
    const failed = { ...job, state: "FAILED" as const, givenUp: true, reason: "gave up" };
    expect(decide({ jobs: [failed] })).toMatchObject({ state: "failed", step: "sales.gold: gave up" });
    const starting = { ...job, state: "STARTING" as const };
    const createdAt = new Date(now.getTime() - 3_600_000);
    expect(decide({ createdAt, jobs: [starting] })).toMatchObject({
      state: "failed",
      step: expect.stringMatching(/not running in time/),
    });
  });
});
