import { describe, expect, it } from "vitest";
import { decideOperation, type OperationFacts, START_LIMIT_MS } from "../../../src/domain/lifecycle/operation.ts";

const now = new Date("2026-11-21T12:00:00Z");

function facts(kind: OperationFacts["kind"], job: Partial<OperationFacts["job"]>): OperationFacts {
  return {
    kind,
    createdAt: now,
    fromEpoch: 4,
    job: { desired: "running", state: "STARTING", reason: null, epoch: 4, hasRun: false, givenUp: false, ...job },
    now,
  };
}

describe("an operation", () => {
  it.each([
    ["start ends when the job runs", facts("start", { state: "RUNNING" }), "succeeded", null],
    ["start goes on while the job waits", facts("start", { state: "WAITING", reason: "no table" }), "running", null],
    ["start goes on while the job is tried again", facts("start", { state: "FAILED" }), "running", null],
    ["start fails when the job is given up", facts("start", { state: "FAILED", givenUp: true }), "failed", null],
    ["stop ends when no run is left", facts("stop", { desired: "stopped", state: "STOPPED" }), "succeeded", null],
    [
      "stop goes on while a run is open",
      facts("stop", { desired: "stopped", state: "DRAINING", hasRun: true }),
      "running",
      null,
    ],
    [
      "restart waits for the stop",
      facts("restart", { desired: "stopped", state: "DRAINING", hasRun: true }),
      "running",
      null,
    ],
    [
      "restart turns round once stopped",
      facts("restart", { desired: "stopped", state: "STOPPED" }),
      "running",
      "running",
    ],
    ["restart does not take the old run for the new one", facts("restart", { state: "RUNNING" }), "running", null],
    ["restart ends with the new run", facts("restart", { state: "RUNNING", epoch: 5 }), "succeeded", null],
  ])("%s", (_, world, state, setDesired) => {
    expect(decideOperation(world)).toMatchObject({ state, setDesired });
  });

  it("says what it waits for", () => {
    expect(decideOperation(facts("start", { state: "WAITING", reason: "no table" })).step).toBe(
      "waits for the job to run: WAITING (no table)",
    );
  });

  it("does not wait for ever for a start", () => {
    const late = {
      ...facts("start", { state: "WAITING", reason: "no table" }),
      now: new Date(now.getTime() + START_LIMIT_MS + 1),
    };
    expect(decideOperation(late)).toMatchObject({ state: "failed", step: expect.stringContaining("no table") });
  });
});
