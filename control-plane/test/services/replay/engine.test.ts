import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Problem } from "../../../src/domain/problem.ts";
import { REPLAY_FAILPOINTS } from "../../../src/services/failpoint.ts";
import { diffSummary } from "../../fixtures/diff-summary.ts";
import { startGenerations, type TestGenerations } from "../../fixtures/generations.ts";
import { openReplaying } from "../../fixtures/replaying.ts";

let world: TestGenerations;

beforeAll(async () => {
  world = await startGenerations();
}, 60_000);

afterAll(async () => {
  await world?.stop();
});

// Each step is a transaction or several; on a busy machine that adds up.
vi.setConfig({ testTimeout: 60_000 });

const asked = { by: "ana", requestId: "00000000-0000-4000-8000-000000000001" };

/** A pipeline whose live jobs run and have read something, and a replay of silver that has read as much. */
async function diffed(name: string, request = {}) {
  const r = await openReplaying(world, name);
  await r.settle();
  await r.read(1, 100, undefined, 60);
  const id = await r.begin(request);
  await r.until(id, "running");
  await r.read(2, 100);
  return { ...r, id };
}

describe("a replay", () => {
  it("is made, compared at what the live jobs have read, and waits for a decision", async () => {
    const r = await diffed("waits");
    const row = await r.until(r.id, "diffed");
    expect(row.target).toEqual({ "0": "100" });
    expect(row.verdict?.gates.map(({ gate, passed }) => [gate, passed])).toEqual([["sameRecords", true]]);
    expect(r.diff.asked.map(({ left, right, at }) => [left.number, right.number, at])).toEqual([
      [1, 2, { "0": "100" }],
    ]);
    expect(row.steps.map(({ step }) => step)).toEqual(["planned", "running", "caught_up", "diffing", "diffed"]);
    expect(await r.states()).toEqual({ 1: "live", 2: "shadow" });
    await r.tick();
    expect((await r.get(r.id)).reason).toBe("can be promoted");
  });

  it("is not close as long as one of its jobs is behind", async () => {
    const r = await openReplaying(world, "behind");
    await r.settle();
    await r.read(1, 100, undefined, 60);
    const id = await r.begin();
    await r.until(id, "running");
    await r.read(2, 100, ["silver", "dq"]);
    await r.read(2, 99, ["gold"]);
    for (let look = 0; look < 3; look += 1) await r.tick();
    expect((await r.get(id)).state).toBe("running");
    const { progress } = await r.replays.details(id);
    expect(progress).toMatchObject({ percent: 99 });
    expect(progress?.jobs.map(({ job, percent }) => [job, percent])).toEqual([
      ["behind.silver@2", 100],
      ["behind.gold@2", 99],
      ["behind.dq@2", 100],
    ]);
    await r.read(2, 101, ["gold"]);
    await r.until(id, "diffed");
  });

  it("is told of with one look at where each of its jobs is", async () => {
    const { replays, positions, id } = await diffed("looks");
    const looks = vi.spyOn(positions, "position");
    expect((await replays.details(id)).progress?.percent).toBe(100);
    const now = looks.mock.calls.filter(([, , , until]) => until === undefined);
    expect(now.map(([job, generation]) => `${job} of ${generation}`).sort()).toEqual(
      ["dq", "gold", "silver"].flatMap((kind) => [`looks.${kind} of 1`, `looks.${kind} of 2`]),
    );
    // And where the live ones were when closeness is measured from, and all of them when the speed is.
    expect(looks.mock.calls.length - now.length).toBe(3 + 6);
  });

  it("is promoted on request: drained, compared at the certified position, exchanged, started", async () => {
    const r = await diffed("promoted");
    await r.until(r.id, "diffed");
    await r.replays.request("promote", r.id, null, asked);
    await r.read(1, 130);
    await r.until(r.id, "promoting: converging");
    expect(await r.states()).toEqual({ 1: "live", 2: "shadow" });
    await r.read(2, 129);
    await r.tick();
    expect((await r.get(r.id)).phase).toBe("converging");
    await r.read(2, 131);
    const row = await r.until(r.id, "promoted");
    expect(r.diff.asked.at(-1)?.at).toEqual({ "0": "130" });
    expect(await r.states()).toEqual({ 1: "kept", 2: "live" });
    expect(row.endedAt).not.toBeNull();
    const [silver] = await r.database.query("SELECT desired FROM jobs WHERE id = 'promoted.silver'");
    expect(silver).toEqual({ desired: "running" });
    const audit = await r.database.query(
      "SELECT action FROM audit_log WHERE target IN ('promoted.silver', 'generation:2') ORDER BY id",
    );
    expect(audit.map((entry) => (entry as { action: string }).action)).toEqual([
      "replay.create",
      "replay.promote",
      "generation.promote",
    ]);
  });

  it("is rolled back and promoted again, each time once the other side has caught up", async () => {
    const r = await diffed("back", { autoPromote: true });
    await r.until(r.id, "promoted");
    await r.read(2, 200);
    await r.replays.request("rollback", r.id, null, asked);
    await r.until(r.id, "rolling_back: catching_up");
    for (let look = 0; look < 3; look += 1) await r.tick();
    expect((await r.get(r.id)).phase).toBe("catching_up");
    await r.read(1, 200);
    await r.until(r.id, "rolled_back");
    expect(await r.states()).toEqual({ 1: "live", 2: "kept" });
    await r.replays.request("promote", r.id, null, asked);
    await r.read(2, 200);
    await r.until(r.id, "promoted");
    expect(await r.states()).toEqual({ 1: "kept", 2: "live" });
  });

  it("starts only the jobs that ran before", async () => {
    const r = await diffed("partly");
    await r.database.query("UPDATE jobs SET desired = 'stopped' WHERE id = 'partly.dq'");
    await r.settle();
    await r.until(r.id, "diffed");
    await r.replays.request("promote", r.id, null, asked);
    await r.until(r.id, "promoted");
    const rows = await r.database.query(
      "SELECT id, desired FROM jobs WHERE pipeline = 'partly' AND retired_at IS NULL ORDER BY id",
    );
    expect(rows).toEqual([
      { id: "partly.bronze", desired: "running" },
      { id: "partly.dq", desired: "stopped" },
      { id: "partly.gold", desired: "running" },
      { id: "partly.silver", desired: "running" },
    ]);
  });
});

const changed = diffSummary({ windows: { added: 0, removed: 0, changed: 3, unchanged: 9, finalChanged: 0 } });

describe("gates that fail", () => {
  it("keep it from promoting itself, until somebody says that the changes are right", async () => {
    const r = await diffed("gated", { autoPromote: true, gates: { maxWindowsChanged: 2 } });
    r.diff.summary = changed;
    await r.until(r.id, "diffed");
    await r.tick();
    expect((await r.get(r.id)).reason).toContain("3 window figures");
    await expect(r.replays.request("promote", r.id, null, asked)).rejects.toMatchObject({
      details: { code: "gates_failed", status: 409 },
    });
    await r.replays.request("promote", r.id, "ticket 7", asked);
    const row = await r.until(r.id, "promoted");
    expect(row.override).toMatchObject({ by: "ana", reason: "ticket 7" });
    const [entry] = await r.database.query<{ after: object }>(
      "SELECT after FROM audit_log WHERE action = 'generation.promote' AND after->>'replay' = $1",
      [r.id],
    );
    expect(entry?.after).toMatchObject({ live: 2, gatesOverridden: "ticket 7" });
  });

  it("at the certified position bring the live jobs back", async () => {
    const r = await diffed("late", { gates: { maxWindowsChanged: 2 } });
    await r.until(r.id, "diffed");
    await r.replays.request("promote", r.id, null, asked);
    await r.read(1, 130);
    await r.until(r.id, "promoting: converging");
    r.diff.summary = changed;
    await r.read(2, 130);
    await r.until(r.id, "diffed");
    await r.settle();
    const [silver] = await r.database.query("SELECT desired FROM jobs WHERE id = 'late.silver'");
    expect(silver).toEqual({ desired: "running" });
    expect(await r.states()).toEqual({ 1: "live", 2: "shadow" });
  });

  it("cannot be overridden where the records are not the same", async () => {
    const r = await diffed("lacking");
    r.diff.summary = diffSummary({
      records: { added: "0", removed: "1", changed: "0", missing: "1", transitions: [] },
    });
    await r.until(r.id, "diffed");
    await expect(r.replays.request("promote", r.id, "never mind", asked)).rejects.toMatchObject({
      details: { code: "gates_failed", next: expect.stringContaining("nobody can override") },
    });
  });
});

describe("what people ask of a replay", () => {
  it("is refused where it does not fit, naming what does", async () => {
    const r = await diffed("misfit");
    await r.until(r.id, "diffed");
    await expect(r.replays.request("rollback", r.id, null, asked)).rejects.toMatchObject({
      details: { code: "conflict", next: "What can be asked of it now: pause, diff, promote, cancel." },
    });
  });

  it("pauses and resumes it", async () => {
    const r = await diffed("paused");
    await r.replays.request("pause", r.id, null, asked);
    await r.tick();
    await r.settle();
    const shadows = () =>
      r.database.query("SELECT DISTINCT desired FROM jobs WHERE shadow_in = 2 AND pipeline = 'paused'");
    expect(await shadows()).toEqual([{ desired: "stopped" }]);
    await r.replays.request("resume", r.id, null, asked);
    await r.until(r.id, "diffed");
    expect(await shadows()).toEqual([{ desired: "running" }]);
  });

  it("cancels it in the middle of a promotion: what was drained runs again", async () => {
    const r = await diffed("cancelled");
    await r.until(r.id, "diffed");
    await r.replays.request("promote", r.id, null, asked);
    await r.read(1, 130);
    await r.until(r.id, "promoting: converging");
    await r.replays.request("cancel", r.id, null, asked);
    await r.until(r.id, "cancelled");
    await r.settle();
    const rows = await r.database.query(
      "SELECT id, desired FROM jobs WHERE pipeline = 'cancelled' AND retired_at IS NULL ORDER BY id",
    );
    expect(rows.map((row) => Object.values(row as object).join(" "))).toEqual([
      "cancelled.bronze running",
      "cancelled.dq running",
      "cancelled.gold running",
      "cancelled.silver running",
    ]);
    expect(await r.states()).toEqual({ 1: "live", 2: "discarded" });
  });

  it("gives up a roll back: what is live stays so, and the generation before is kept", async () => {
    const r = await diffed("steady", { autoPromote: true });
    await r.until(r.id, "promoted");
    await r.read(2, 200, undefined, 60);
    await r.replays.request("rollback", r.id, null, asked);
    await r.until(r.id, "rolling_back: catching_up");
    await r.replays.request("cancel", r.id, null, asked);
    await r.until(r.id, "promoted");
    expect(await r.states()).toEqual({ 1: "kept", 2: "live" });
  });
});

describe("the live jobs", () => {
  it("come first: the shadows are held while these are too far behind", async () => {
    const r = await diffed("held", { liveLagBoundMs: 10_000 });
    const held = async () => (await r.generations.find("held", 2))?.held ?? null;
    r.lag.seconds = 11;
    await r.tick();
    expect(await held()).toContain("is more than 10 s behind");
    r.lag.seconds = 6;
    await r.tick();
    expect(await held()).not.toBeNull();
    r.lag.seconds = 4;
    await r.tick();
    expect(await held()).toBeNull();
  });
});

describe("trouble", () => {
  it("of a shadow that gave up ends as failed, and can be resumed", async () => {
    const r = await diffed("broken");
    await r.settle();
    await r.database.query(
      `UPDATE runs SET ended_at = now(), ended_by = 'failure', exception = '{"class": "E", "message": "m", "permanent": true}' WHERE job = 'broken.gold@2'`,
    );
    await r.database.query("UPDATE jobs SET reason = 'E: m', state = 'FAILED' WHERE id = 'broken.gold@2'");
    await r.tick();
    const row = await r.get(r.id);
    expect(row).toMatchObject({ state: "failed", failure: "broken.gold@2 failed: E: m" });
    await r.replays.request("resume", r.id, null, asked);
    await r.until(r.id, "diffed");
  });

  it("of a comparison that comes a moment early is none: it waits", async () => {
    const r = await diffed("early");
    const early = { status: 409, code: "conflict", title: "Too early", detail: "gold has not read that far" } as const;
    for (let look = 0; look < 30; look += 1) {
      r.diff.error = new Problem(early);
      await r.tick();
    }
    expect(await r.get(r.id)).toMatchObject({ state: "diffing", failure: null });
    r.diff.error = null;
    await r.until(r.id, "diffed");
  });

  it("of a comparison is tried again, and ends as failed when it does not end", async () => {
    const r = await diffed("stubborn");
    r.diff.error = new Error("out of memory");
    await r.until(r.id, "diffed");
    r.diff.asked.length = 0;
    await r.replays.request("diff", r.id, null, asked);
    for (let look = 0; look < 40 && (await r.get(r.id)).state === "diffing"; look += 1) {
      r.diff.error = new Error("damaged");
      await r.tick();
    }
    expect(await r.get(r.id)).toMatchObject({ state: "failed", failure: "damaged" });
  });
});

describe("crashes at every step, before and after it is saved", () => {
  it("leave one generation live, and the replay goes on", async () => {
    const r = await diffed("crashing", { gates: { maxWindowsChanged: 2 } });
    for (const point of REPLAY_FAILPOINTS) r.armed.add(point);
    const come = async (place: string) => {
      const row = await r.until(r.id, place);
      expect(Object.values(await r.states()).filter((state) => state === "live")).toHaveLength(1);
      return row;
    };
    const again = () => r.armed.add("replay-saved");
    await come("diffed");
    await r.replays.request("promote", r.id, null, asked);
    r.diff.summary = changed;
    again();
    await come("diffed");
    r.diff.summary = diffSummary({});
    await r.replays.request("diff", r.id, null, asked);
    await come("diffed");
    await r.replays.request("promote", r.id, null, asked);
    again();
    await come("promoted");
    await r.replays.request("rollback", r.id, null, asked);
    again();
    await come("rolled_back");
    await r.replays.request("promote", r.id, null, asked);
    await come("promoting: draining");
    await r.replays.request("cancel", r.id, null, asked);
    again();
    await come("rolled_back");
    // The making of the generation came before, and what records a replay is no step of it.
    expect([...r.armed]).toEqual(["replay-recorded", "replay-created"]);
    await r.settle();
    const open = await r.database.query<{ job: string }>(
      "SELECT runs.job FROM runs JOIN jobs ON jobs.id = runs.job WHERE pipeline = 'crashing' AND ended_at IS NULL ORDER BY 1",
    );
    expect(open.map(({ job }) => job)).toEqual(["crashing.bronze", "crashing.dq", "crashing.gold", "crashing.silver"]);
  });

  it("make a generation once", async () => {
    const r = await openReplaying(world, "once");
    await r.settle();
    r.armed.add("replay-created");
    const id = await r.begin();
    await r.until(id, "running");
    expect(await r.states()).toEqual({ 1: "live", 2: "shadow" });
  });
});
