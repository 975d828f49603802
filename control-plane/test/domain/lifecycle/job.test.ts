import { describe, expect, it } from "vitest";
import { decideJob, JOB_STATES, type JobFacts, RULES } from "../../../src/domain/lifecycle/job.ts";
import type { LaunchPhase } from "../../../src/domain/lifecycle/launch.ts";
import type { JobReport } from "../../../src/domain/sync.ts";

const now = new Date("2026-11-21T12:00:00Z");
const PHASES: LaunchPhase[] = [
  "none",
  "backoff",
  "givenUp",
  "submitting",
  "starting",
  "live",
  "ending",
  "silent",
  "unknown",
];
const RUNS: JobFacts["run"][] = [
  null,
  ...[false, true].flatMap((stopping) => [false, true].map((launchEnded) => ({ epoch: 3, stopping, launchEnded }))),
];
const REPORTS: (JobReport["state"] | null)[] = [
  null,
  "starting",
  "waiting",
  "running",
  "draining",
  "stopped",
  "failed",
];
const PROGRESS = [null, "2026-11-21T11:59:59Z", "2026-11-21T11:00:00Z"];

const BACK = new Date("2026-11-21T11:59:30Z");
const AWAY = { since: new Date("2026-11-21T11:59:51Z"), why: "connect ECONNREFUSED" };

function report(state: JobReport["state"], lastProgressAt: string | null = null): JobReport {
  const exception = state === "failed" ? { class: "java.io.IOException", message: "disk\nfull" } : null;
  return { job: "sales.gold", generation: 1, epoch: 3, state, lastProgressAt, exception, waitingFor: "a table" };
}

function facts(change: Partial<JobFacts>): JobFacts {
  return {
    desired: "running",
    run: { epoch: 3, stopping: false, launchEnded: false },
    launch: { phase: "live", reason: null, noResources: null },
    report: null,
    restart: { failures: 0, givenUp: false, retryAt: null },
    lastFailure: null,
    progressTimeoutMs: 60_000,
    topicAway: null,
    topicBackAt: null,
    now,
    ...change,
  };
}

/** Every combination of what can be known about a job. */
const WORLD: JobFacts[] = (["running", "stopped"] as const).flatMap((desired) =>
  RUNS.flatMap((run) =>
    PHASES.flatMap((phase) =>
      REPORTS.flatMap((state) =>
        PROGRESS.flatMap((progress) =>
          [false, true].map((givenUp) =>
            facts({
              desired,
              run,
              launch: { phase, reason: "why", noResources: null },
              report: run === null || state === null ? null : report(state, progress),
              restart: { failures: givenUp ? 5 : 0, givenUp, retryAt: null },
            }),
          ),
        ),
      ),
    ),
  ),
);

describe("the table of job states", () => {
  it("gives every rule and every state a use", () => {
    const used = WORLD.map((world) => decideJob(world));
    const special = [
      decideJob(facts({ run: null, restart: { failures: 1, givenUp: false, retryAt: new Date(now.getTime() + 1) } })),
      decideJob(facts({ launch: { phase: "starting", reason: null, noResources: "no resources: 4 cores" } })),
    ];
    special.push(decideJob(facts({ report: report("running", "2026-11-21T11:59:50Z"), topicAway: AWAY })));
    special.push(decideJob(facts({ report: report("running", "2026-11-21T11:00:00Z"), topicBackAt: BACK })));
    const all = [...used, ...special];
    expect(new Set(all.map((decision) => decision.rule))).toEqual(new Set(RULES.map((rule) => rule.id)));
    expect(new Set(all.map((decision) => decision.state))).toEqual(new Set(JOB_STATES));
  });

  it("never says RUNNING without a runner that calls and a query that made progress in time", () => {
    for (const world of WORLD.filter((candidate) => decideJob(candidate).state === "RUNNING")) {
      expect(world.launch.phase).toBe("live");
      expect(world.report).toMatchObject({ state: "running", lastProgressAt: "2026-11-21T11:59:59Z" });
      expect(world.desired).toBe("running");
    }
  });

  it("never says STOPPED while a run is open that nobody saw ending", () => {
    for (const world of WORLD.filter((candidate) => decideJob(candidate).state === "STOPPED")) {
      expect(world.run === null || world.report?.state === "stopped").toBe(true);
    }
  });

  it("opens a run only where none is open and the application lives", () => {
    for (const world of WORLD.filter((candidate) => decideJob(candidate).action === "openRun")) {
      expect(world).toMatchObject({ desired: "running", run: null, launch: { phase: "live" } });
      expect(world.restart.givenUp).toBe(false);
    }
  });

  it("closes a run only when it ended: reported, or with its launch", () => {
    for (const world of WORLD.filter((candidate) => decideJob(candidate).action === "closeRun")) {
      expect(world.run?.launchEnded || ["stopped", "failed"].includes(world.report?.state ?? "")).toBe(true);
    }
  });

  it("says UNKNOWN about an open run on a launch that does not call, whatever it said before", () => {
    const world = facts({
      launch: { phase: "unknown", reason: "silent", noResources: null },
      report: report("running", now.toISOString()),
    });
    expect(decideJob(world)).toMatchObject({ state: "UNKNOWN", action: "none", reason: "silent" });
  });

  it.each([
    [
      "a dead query in a living application",
      { report: report("failed") },
      "FAILED",
      "closeRun",
      /^java.io.IOException: disk$/,
    ],
    ["a query without its first batch", { report: report("running") }, "STARTING", "none", /first batch/],
    [
      "a query stuck in a batch",
      { report: report("running", "2026-11-21T11:00:00Z") },
      "STALLED",
      "none",
      /no progress since 2026-11-21T11:00:00Z/,
    ],
    [
      "a quiet query whose topic does not answer us either",
      { report: report("running", "2026-11-21T11:59:50Z"), topicAway: AWAY },
      "WAITING",
      "none",
      /^its topic has not answered since 2026-11-21T11:59:51.000Z \(connect ECONNREFUSED\); it goes on by itself/,
    ],
    [
      "a query that goes on although its topic does not answer us",
      { report: report("running", "2026-11-21T11:59:59Z"), topicAway: AWAY },
      "RUNNING",
      "none",
      null,
    ],
    [
      "a query that was not heard since its topic answers again",
      { report: report("running", "2026-11-21T11:00:00Z"), topicBackAt: BACK },
      "WAITING",
      "none",
      /^its topic answers again since 2026-11-21T11:59:30.000Z; it has not gone on yet$/,
    ],
    [
      "a query that was started since its topic answers again",
      { report: report("running"), topicBackAt: BACK },
      "STARTING",
      "none",
      /first batch/,
    ],
    [
      "a query that was heard since its topic answers again",
      { report: report("running", "2026-11-21T11:59:40Z"), topicBackAt: BACK, progressTimeoutMs: 15_000 },
      "STALLED",
      "none",
      /no progress since 2026-11-21T11:59:40Z/,
    ],
    [
      "a query that does not go on for long although its topic answers again",
      { report: report("running", "2026-11-21T11:00:00Z"), topicBackAt: BACK, progressTimeoutMs: 15_000 },
      "STALLED",
      "none",
      /no progress/,
    ],
    ["a job that waits for a table", { report: report("waiting") }, "WAITING", "none", /a table/],
    [
      "a stop under way",
      { desired: "stopped" as const, report: report("running", now.toISOString()) },
      "DRAINING",
      "none",
      null,
    ],
    [
      "a start while the old run still drains",
      { run: { epoch: 3, stopping: true, launchEnded: false } },
      "DRAINING",
      "none",
      /starts again/,
    ],
    [
      "no room on the cluster",
      { launch: { phase: "live" as const, reason: null, noResources: "no resources: 9 cores" } },
      "WAITING",
      "none",
      /9 cores/,
    ],
  ])("%s", (_, change, state, action, reason) => {
    const decision = decideJob(facts(change));
    expect(decision).toMatchObject({ state, action });
    if (reason === null) expect(decision.reason).toBeNull();
    else expect(decision.reason).toMatch(reason);
  });
});
