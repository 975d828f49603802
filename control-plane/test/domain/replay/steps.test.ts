import { describe, expect, it } from "vitest";
import type { PartyFacts, ReplayFacts } from "../../../src/domain/replay/facts.ts";
import { REPLAY_STATES, resumedAt, SWITCH_PHASES } from "../../../src/domain/replay/state.ts";
import { decideReplay, REPLAY_RULES } from "../../../src/domain/replay/steps.ts";

const runs = (job: string): PartyFacts => ({ job, wanted: true, hasRun: true, gaveUp: null });
const stopped = (job: string): PartyFacts => ({ job, wanted: false, hasRun: false, gaveUp: null });
const lost = (job: string): PartyFacts => ({ job, wanted: true, hasRun: false, gaveUp: "java.io.IOException: disk" });

function decide(facts: Partial<ReplayFacts>) {
  const decision = decideReplay({
    state: "running",
    phase: null,
    target: { state: "shadow" },
    shadows: [runs("sales.gold@2")],
    live: [runs("sales.gold")],
    caughtUp: false,
    aimed: false,
    reached: false,
    verdict: null,
    autoPromote: false,
    certified: false,
    converged: false,
    own: "never",
    ...facts,
  });
  return decision;
}
const passed = { passed: true, text: "all gates pass" };
const refused = { passed: false, text: "too many windows change" };

describe("a replay on its way to a comparison", () => {
  it("is made, runs its shadows, follows, aims, compares and waits for a decision", () => {
    expect(decide({ state: "planned", shadows: [] })).toMatchObject({ action: "create", state: "running" });
    expect(decide({ shadows: [stopped("sales.gold@2")] })).toMatchObject({ action: "runShadows", state: "running" });
    expect(decide({})).toMatchObject({ action: "none", state: "running" });
    expect(decide({ caughtUp: true })).toMatchObject({ action: "none", state: "caught_up" });
    expect(decide({ state: "caught_up" })).toMatchObject({ action: "none", state: "diffing" });
    expect(decide({ state: "diffing" })).toMatchObject({ action: "aim", state: "diffing" });
    expect(decide({ state: "diffing", aimed: true })).toMatchObject({ action: "none", state: "diffing" });
    expect(decide({ state: "diffing", aimed: true, reached: true })).toMatchObject({ action: "compare" });
    const compared = { aimed: true, reached: true, verdict: refused };
    expect(decide({ state: "diffing", ...compared })).toMatchObject({ action: "none", state: "diffed" });
    expect(decide({ state: "diffed", ...compared })).toMatchObject({
      state: "diffed",
      reason: "waits for a decision: too many windows change",
    });
  });

  it("is promoted by itself only where that was asked for and the gates pass", () => {
    const diffed = { state: "diffed", aimed: true, reached: true } as const;
    expect(decide({ ...diffed, verdict: passed, autoPromote: true })).toMatchObject({ state: "promoting" });
    expect(decide({ ...diffed, verdict: refused, autoPromote: true })).toMatchObject({ state: "diffed" });
    expect(decide({ ...diffed, verdict: passed })).toMatchObject({ state: "diffed", reason: "can be promoted" });
  });

  it("fails with the exception of a shadow that gave up, and can be taken up again", () => {
    for (const state of ["running", "caught_up", "diffing", "diffed"] as const) {
      expect(decide({ state, shadows: [runs("sales.silver@2"), lost("sales.gold@2")] })).toMatchObject({
        action: "stopShadows",
        state: "failed",
        reason: "sales.gold@2 failed: java.io.IOException: disk",
      });
    }
    expect(decide({ state: "failed", shadows: [runs("sales.silver@2")] })).toMatchObject({ action: "stopShadows" });
    expect(resumedAt("never", true)).toEqual({ state: "running", phase: null });
    expect(resumedAt("never", false)).toEqual({ state: "planned", phase: null });
    expect(resumedAt("live", true)).toEqual({ state: "rolling_back", phase: "reopening" });
  });

  it("stands still while it is paused", () => {
    expect(decide({ state: "paused" })).toMatchObject({ action: "stopShadows", state: "paused" });
    expect(decide({ state: "paused", shadows: [stopped("sales.gold@2")] })).toMatchObject({ action: "none" });
  });
});

describe("an exchange of generations", () => {
  const promoting = (phase: ReplayFacts["phase"], facts: Partial<ReplayFacts> = {}) =>
    decide({ state: "promoting", phase, aimed: true, ...facts });
  const still = { live: [stopped("sales.gold")] };

  it("drains, converges, verifies, stops, swaps and starts, in this order", () => {
    expect(promoting("catching_up")).toMatchObject({ action: "none", phase: "catching_up" });
    expect(promoting("catching_up", { caughtUp: true })).toMatchObject({ action: "noteRunning", phase: "draining" });
    expect(promoting("draining")).toMatchObject({ action: "drainLive", phase: "draining" });
    const draining = { live: [{ ...runs("sales.gold"), wanted: false }] };
    expect(promoting("draining", draining)).toMatchObject({ action: "none", reason: "waits for sales.gold to stop" });
    expect(promoting("draining", still)).toMatchObject({ action: "certify", phase: "converging" });
    expect(promoting("converging", still)).toMatchObject({ action: "none", phase: "converging" });
    expect(promoting("converging", { ...still, converged: true })).toMatchObject({ phase: "verifying" });
    expect(promoting("verifying", still)).toMatchObject({ action: "compare", phase: "verifying" });
    expect(promoting("verifying", { ...still, verdict: passed })).toMatchObject({ phase: "stopping" });
    expect(promoting("stopping", still)).toMatchObject({ action: "stopShadows", phase: "stopping" });
    const all = { ...still, shadows: [stopped("sales.gold@2")] };
    expect(promoting("stopping", all)).toMatchObject({ action: "none", phase: "swapping" });
    expect(promoting("swapping", all)).toMatchObject({ action: "swap", phase: "swapping" });
    const swapped = { shadows: [], live: [runs("sales.gold")], target: { state: "live" } as const };
    expect(promoting("swapping", swapped)).toMatchObject({ action: "none", phase: "starting" });
    expect(promoting("starting", swapped)).toMatchObject({ action: "startLive", state: "promoted", phase: null });
  });

  it("never swaps while a run of either side is open", () => {
    for (const facts of [{ shadows: [{ ...runs("sales.gold@2"), wanted: false }], ...still }, still]) {
      expect(promoting("stopping", facts).phase).toBe("stopping");
    }
  });

  it("drains again where somebody has started a live job meanwhile", () => {
    for (const phase of ["converging", "verifying", "stopping", "swapping"] as const) {
      expect(promoting(phase, { verdict: passed, converged: true })).toMatchObject({
        action: "drainLive",
        phase: "draining",
      });
    }
  });

  it("ends as a comparison, with the live jobs running again, where the gates say no", () => {
    expect(promoting("verifying", { ...still, verdict: refused })).toMatchObject({
      action: "restoreLive",
      state: "diffed",
      phase: null,
    });
  });

  it("fails with the live jobs running again when a shadow gives up", () => {
    for (const phase of ["catching_up", "draining", "converging", "verifying"] as const) {
      const facts = { ...still, shadows: [lost("sales.gold@2")] };
      expect(promoting(phase, facts)).toMatchObject({ action: "restoreLive", state: "failed" });
    }
  });

  it("goes back in the same way, without asking the gates", () => {
    const back = (phase: ReplayFacts["phase"], facts: Partial<ReplayFacts> = {}) =>
      decide({ state: "rolling_back", phase, own: "live", ...facts });
    expect(back("reopening")).toMatchObject({ action: "reopen", phase: "catching_up" });
    expect(back("converging", { ...still, converged: true })).toMatchObject({ action: "none", phase: "stopping" });
    expect(back("starting", { target: { state: "live" } })).toMatchObject({ state: "rolled_back", phase: null });
  });
});

describe("giving a replay up", () => {
  it("stops the shadows, and leads to what is true of its generation", () => {
    expect(decide({ state: "cancelling" })).toMatchObject({ action: "stopShadows", state: "cancelling" });
    const stopping = [{ ...runs("sales.gold@2"), wanted: false }];
    expect(decide({ state: "cancelling", shadows: stopping })).toMatchObject({ action: "none", state: "cancelling" });
    const facts = { state: "cancelling", shadows: [] } as const;
    expect(decide({ ...facts, own: "never" })).toMatchObject({ action: "withdraw", state: "cancelled" });
    expect(decide({ ...facts, own: "live" })).toMatchObject({ action: "withdraw", state: "promoted" });
    expect(decide({ ...facts, own: "before" })).toMatchObject({ action: "withdraw", state: "rolled_back" });
  });
});

describe("the table of steps", () => {
  it("names each rule once", () => {
    expect(new Set(REPLAY_RULES.map(({ id }) => id)).size).toBe(REPLAY_RULES.length);
  });

  it("has an answer in every state and phase", () => {
    for (const state of REPLAY_STATES) {
      for (const phase of SWITCH_PHASES) expect(decide({ state, phase }).state).toBeDefined();
    }
  });
});
