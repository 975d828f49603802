import { describe, expect, it } from "vitest";
import {
  type DriverState,
  decideLaunch,
  type LaunchFacts,
  type LaunchRecord,
} from "../../../src/domain/lifecycle/launch.ts";

const now = new Date("2026-11-21T12:00:00Z");
const ago = (ms: number) => new Date(now.getTime() - ms);
const times = { heartbeatTimeoutMs: 5_000, frozenMs: 30_000, appearMs: 15_000 };
const fresh = { failures: 0, givenUp: false, retryAt: null };

const driver = (state: string): DriverState => ({ kind: "state", state, workerId: "worker-1", message: null });
const recorded: LaunchRecord = {
  id: "l",
  recordedAt: ago(60_000),
  submittingAt: null,
  submissionId: null,
  adoptedAt: null,
  retiringAt: null,
  killRequestedAt: null,
  declaredDeadBy: null,
};
const submitted: LaunchRecord = { ...recorded, submittingAt: ago(60_000), submissionId: "driver-1" };
const adopted: LaunchRecord = { ...submitted, adoptedAt: ago(50_000) };

function facts(change: Partial<LaunchFacts>): LaunchFacts {
  return {
    wanted: true,
    launch: null,
    silentMs: null,
    cannotCall: null,
    ending: false,
    driver: null,
    processes: "unknown",
    masterHasNoStrangers: false,
    noResources: null,
    outdated: false,
    restart: fresh,
    lastFailure: null,
    now,
    ...change,
  };
}

const decide = (change: Partial<LaunchFacts>) => decideLaunch(facts(change), times);

describe("a launch", () => {
  it("is recorded before it is submitted, and only when a job wants it", () => {
    expect(decide({})).toMatchObject({ action: "record", phase: "submitting" });
    expect(decide({ wanted: false })).toMatchObject({ action: "none", phase: "none" });
    expect(decide({ launch: recorded })).toMatchObject({ action: "submit" });
    expect(decide({ launch: recorded, wanted: false })).toMatchObject({ action: "end" });
  });

  it("waits for its backoff and ends in a crash loop with the last reason", () => {
    const retryAt = new Date(now.getTime() + 1_000);
    expect(decide({ restart: { failures: 1, givenUp: false, retryAt } })).toMatchObject({
      action: "none",
      phase: "backoff",
    });
    const decision = decide({ restart: { failures: 5, givenUp: true, retryAt: null }, lastFailure: "FAILED" });
    expect(decision).toMatchObject({ action: "none", phase: "givenUp", reason: expect.stringContaining("FAILED") });
  });

  const DRIVERS: (DriverState | null)[] = [
    null,
    { kind: "unknown" },
    { kind: "unreachable", reason: "ECONNREFUSED" },
    ...["SUBMITTED", "RUNNING", "FINISHED", "FAILED", "KILLED", "ERROR"].map(driver),
  ];

  it("is neither killed nor replaced for the silence of a runner that cannot know where this control plane is", () => {
    const stranger = { launch: adopted, cannotCall: "its runner knows others", silentMs: 600_000 };
    for (const state of [null, driver("RUNNING"), driver("ERROR")]) {
      for (const processes of ["alive", "unknown"] as const) {
        const decision = decide({ ...stranger, driver: state, processes });
        expect(decision).toMatchObject({ phase: "unknown", action: "none" });
        expect(decision.reason).toContain("its runner knows others: it finds it by the lake");
      }
    }
    expect(decide({ ...stranger, processes: "gone" })).toMatchObject({ action: "end" });
    expect(decide({ ...stranger, driver: driver("FAILED"), processes: "unknown" })).toMatchObject({ action: "end" });
  });

  it("is never dead because of ERROR, an unknown id or a master that does not answer alone", () => {
    const doubtful = DRIVERS.filter((state) => state === null || state.kind !== "state" || state.state === "ERROR");
    for (const state of doubtful) {
      for (const launch of [submitted, adopted]) {
        for (const processes of ["unknown", "alive"] as const) {
          const decision = decide({ launch, driver: state, processes, silentMs: launch.adoptedAt ? 20_000 : null });
          expect(decision.action).toBe("none");
        }
      }
    }
  });

  it("is never dead while its runner calls and a process of it is there, whatever the master says", () => {
    for (const state of DRIVERS) {
      const decision = decide({ launch: adopted, driver: state, silentMs: 400, processes: "alive" });
      expect(decision).toMatchObject({ action: "none", phase: "live" });
    }
  });

  it("is dead when the master says so and its runner is silent", () => {
    for (const state of ["FINISHED", "FAILED", "KILLED"]) {
      expect(decide({ launch: adopted, driver: driver(state), silentMs: 6_000 })).toMatchObject({ action: "end" });
    }
    expect(decide({ launch: adopted, driver: driver("RUNNING"), silentMs: 600_000 })).toMatchObject({
      action: "none",
      phase: "unknown",
    });
  });

  it("is dead when its processes are gone, without waiting for silence", () => {
    expect(decide({ launch: adopted, silentMs: 400, processes: "gone" })).toMatchObject({ action: "end" });
  });

  it("may say its last words when it ends on purpose", () => {
    expect(decide({ launch: adopted, silentMs: 400, ending: true, processes: "gone" })).toMatchObject({
      action: "none",
      phase: "ending",
    });
  });

  it("is killed before it is replaced: a frozen process, or one that outlived its driver", () => {
    const silent = { launch: adopted, processes: "alive" as const };
    expect(decide({ ...silent, driver: driver("RUNNING"), silentMs: 10_000 })).toMatchObject({
      action: "none",
      phase: "silent",
    });
    expect(decide({ ...silent, driver: driver("RUNNING"), silentMs: 31_000 })).toMatchObject({ action: "kill" });
    expect(decide({ ...silent, driver: driver("KILLED"), silentMs: 6_000 })).toMatchObject({ action: "kill" });
  });

  it("that never called is resolved once nothing of it can appear any more", () => {
    const gone = { processes: "gone" as const, masterHasNoStrangers: true };
    const unanswered = { ...submitted, submissionId: null };
    expect(decide({ launch: unanswered, ...gone })).toMatchObject({
      action: "end",
      reason: "the submission was never made",
    });
    expect(decide({ launch: submitted, driver: { kind: "unknown" }, ...gone })).toMatchObject({ action: "end" });
    expect(decide({ launch: unanswered, processes: "gone" })).toMatchObject({ action: "none", phase: "unknown" });
    const young = { ...unanswered, submittingAt: ago(1_000) };
    expect(decide({ launch: young, ...gone })).toMatchObject({ action: "none", phase: "starting" });
  });

  it("says what it waits for on a full cluster", () => {
    const noResources = "no resources: the driver needs 1 core";
    expect(decide({ launch: submitted, driver: driver("SUBMITTED"), noResources })).toMatchObject({
      phase: "starting",
      reason: noResources,
    });
  });
});

describe("a launch that somebody wants dead", () => {
  const doomed = { ...adopted, killRequestedAt: ago(100) };

  it("is killed again and again until its processes are gone, whatever the master says", () => {
    expect(decide({ launch: doomed, processes: "alive" })).toMatchObject({ action: "kill", phase: "killing" });
    expect(decide({ launch: doomed, processes: "alive", driver: driver("KILLED") })).toMatchObject({ action: "kill" });
    expect(decide({ launch: doomed, processes: "gone" })).toMatchObject({ action: "end", reason: "killed on request" });
  });

  it("is dead where its processes cannot be seen only when the master says so", () => {
    expect(decide({ launch: doomed, driver: driver("RUNNING") })).toMatchObject({ action: "kill" });
    expect(decide({ launch: doomed, driver: { kind: "unknown" } })).toMatchObject({ action: "kill" });
    expect(decide({ launch: doomed, driver: driver("KILLED") })).toMatchObject({ action: "end" });
  });

  it("that has been submitted without a process yet is not taken for dead: the process may still come", () => {
    const pending = { ...submitted, submittingAt: ago(1_000), killRequestedAt: ago(100) };
    expect(decide({ launch: pending, processes: "gone", driver: driver("SUBMITTED") })).toMatchObject({
      action: "kill",
    });
    expect(decide({ launch: pending, processes: "gone", driver: driver("KILLED") })).toMatchObject({ action: "end" });
  });

  it("ends at once when it was never submitted", () => {
    expect(decide({ launch: { ...recorded, killRequestedAt: ago(100) } })).toMatchObject({ action: "end" });
  });

  it("ends on an operator's word, who is named", () => {
    const decision = decide({ launch: { ...adopted, declaredDeadBy: "ada" }, processes: "unknown" });
    expect(decision).toMatchObject({ action: "end", reason: "declared dead by ada" });
  });

  it("that is to retire goes on while its jobs stop, and is not taken for living", () => {
    const retiring = { ...adopted, retiringAt: ago(1_000) };
    expect(decide({ launch: retiring, silentMs: 400 })).toMatchObject({ action: "none", phase: "retiring" });
    expect(decide({ launch: retiring, silentMs: 400, ending: true })).toMatchObject({ phase: "ending" });
  });

  it("makes way when it waits for room for what is no longer wanted", () => {
    const noResources = "no resources: executors need 64g";
    for (const launch of [submitted, adopted]) {
      const waiting = { launch, driver: driver("SUBMITTED"), silentMs: 400, noResources };
      expect(decide({ ...waiting, outdated: true })).toMatchObject({ action: "requestKill", phase: "killing" });
      expect(decide(waiting)).toMatchObject({ action: "none" });
    }
    expect(decide({ launch: submitted, driver: driver("SUBMITTED"), noResources, wanted: false })).toMatchObject({
      action: "requestKill",
    });
    expect(decide({ launch: adopted, silentMs: 400, outdated: true })).toMatchObject({ action: "none", phase: "live" });
  });
});
