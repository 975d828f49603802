import { decideJob, exceptionText, type JobDecision } from "../../domain/lifecycle/job.ts";
import { progressLimitMs } from "../../domain/lifecycle/progress-limit.ts";
import { failureVerdict } from "../../domain/lifecycle/restart.ts";
import type { JobReport } from "../../domain/sync.ts";
import type { BatchDurations } from "../batch-durations.ts";
import type { Failpoint } from "../failpoint.ts";
import type { LastWordsKeeper } from "../last-words.ts";
import type { Log } from "../log.ts";
import type { Placement } from "../placement.ts";
import type { CatalogStore, Clock, RunStore } from "../ports.ts";
import type { JobRow, LaunchRow, RunRow } from "../rows.ts";
import type { TopicWatch } from "../topic-watch.ts";
import type { ApplicationView } from "./applications.ts";

export interface JobDeps {
  catalog: CatalogStore;
  runs: RunStore;
  clock: Clock;
  log: Log;
  failpoint: Failpoint;
  durations: BatchDurations;
  /** the topic of the jobs that read Kafka */
  topic: Pick<TopicWatch, "awaySince" | "backSince">;
  lastWords: LastWordsKeeper;
}

/** A job after its step. */
export interface JobView {
  job: JobRow;
  run: RunRow | null;
  decision: JobDecision;
  givenUp: boolean;
}

/** Closing an old run, then opening a new one: more steps than this in one tick would be a mistake in the rules. */
const STEPS_PER_TICK = 3;

/** Moves jobs towards their desired states by opening and closing runs. */
export class Jobs {
  private readonly deps: JobDeps;

  constructor(deps: JobDeps) {
    this.deps = deps;
  }

  async step(
    job: JobRow,
    openRun: RunRow | null,
    application: ApplicationView,
    openLaunches: LaunchRow[],
    at: Placement,
  ): Promise<JobView> {
    let view: JobView = await this.decide(job, openRun, application, openLaunches);
    if (openRun !== null && isUnheard(application, openRun)) {
      return { ...view, decision: { rule: "unheard", state: job.state, action: "none", reason: job.reason } };
    }
    for (let step = 1; view.decision.action !== "none" && step <= STEPS_PER_TICK; step++) {
      const run = await this.act(view, application, at);
      view = await this.decide(view.job, run, application, openLaunches);
      // Its next run belongs into another application, which has a look of its own.
      if (run === null && job.application !== application.name) break;
    }
    await this.keepBooks(view, application);
    return view;
  }

  private async decide(
    job: JobRow,
    run: RunRow | null,
    application: ApplicationView,
    openLaunches: LaunchRow[],
  ): Promise<JobView> {
    const now = this.deps.clock.now();
    const failures = run === null ? await this.deps.runs.failures(job.id, job.desiredSince) : [];
    const restart = failureVerdict(job.spec.restart, job.id, failures, now);
    const launchEnded =
      run !== null && (!openLaunches.some((open) => open.id === run.launch) || isOver(application, run));
    const readsTopic = run?.spec.reads.length === 0;
    const decision = decideJob({
      desired: job.desired,
      run:
        run === null
          ? null
          : { epoch: run.epoch, stopping: run.stoppingSince !== null || isRetiring(application), launchEnded },
      launch: {
        phase: application.decision.phase,
        reason: application.decision.reason,
        noResources: application.noResources,
      },
      report: run === null ? null : reportOf(application, job, run),
      restart,
      lastFailure: exceptionText(failures[0] ?? null),
      topicAway: readsTopic ? this.deps.topic.awaySince() : null,
      topicBackAt: readsTopic ? this.deps.topic.backSince() : null,
      progressTimeoutMs:
        run === null ? 0 : progressLimitMs(this.deps.durations.of(job.id, run.epoch), run.spec.triggerMs),
      now,
    });
    return { job, run, decision, givenUp: restart.givenUp || decision.rule === "application-gave-up" };
  }

  private async act(
    { job, run, decision }: JobView,
    application: ApplicationView,
    { generation, live }: Placement,
  ): Promise<RunRow | null> {
    if (decision.action === "openRun" && application.launch !== null) {
      const opened = await this.deps.runs.start(job.id, generation, application.launch.id, live);
      if (opened === null) return null;
      this.deps.log.info({ job: job.id, epoch: opened.epoch, revision: opened.specRevision }, "run opened");
      this.deps.failpoint("run-opened");
      job.epoch = opened.epoch;
      return opened;
    }
    if (decision.action === "closeRun" && run !== null) {
      const report = reportOf(application, job, run);
      const endedBy = endOf(decision.rule, job, run, application);
      const exception = report?.exception ?? null;
      await this.deps.runs.end(job.id, run.epoch, { endedBy, exception, certificate: report?.certificate ?? null });
      this.deps.log.info({ job: job.id, epoch: run.epoch, endedBy, reason: decision.reason }, "run closed");
      this.deps.failpoint("run-closed");
      if (endedBy === "failure" && application.launch !== null) this.deps.lastWords.keepOfRun(run, application.launch);
      return null;
    }
    return run;
  }

  private async keepBooks({ job, run, decision }: JobView, application: ApplicationView): Promise<void> {
    if (run !== null) {
      if ((job.desired === "stopped" || isRetiring(application)) && run.stoppingSince === null) {
        await this.deps.runs.stopping(job.id, run.epoch);
        this.deps.failpoint("run-stopping");
        run.stoppingSince = this.deps.clock.now();
      }
      const report = reportOf(application, job, run);
      if (report?.queryRunId && report.queryRunId !== run.queryRunId) {
        await this.deps.runs.query(job.id, run.epoch, report.queryId ?? null, report.queryRunId);
      }
    }
    if (job.state === decision.state && job.reason === decision.reason) return;
    await this.deps.catalog.saveState(job.id, decision.state, decision.reason, decision.rule);
    if (job.state !== decision.state) {
      this.deps.log.info({ job: job.id, from: job.state, to: decision.state, reason: decision.reason }, "job state");
    }
    job.state = decision.state;
    job.reason = decision.reason;
  }
}

function reportOf(application: ApplicationView, { id, shadowOf }: JobRow, { launch, generation, epoch }: RunRow) {
  if (application.launch?.id !== launch) return null;
  const isOfRun = (report: JobReport) =>
    report.job === (shadowOf ?? id) && report.generation === generation && report.epoch === epoch;
  return application.call?.request.jobs.find(isOfRun) ?? null;
}

/** Since this process started its runner has not had the time to call: what was true last is the best that is known. */
function isUnheard(application: ApplicationView, run: RunRow): boolean {
  const { launch, call, decision } = application;
  return launch?.id === run.launch && call === null && (decision.phase === "live" || decision.phase === "retiring");
}

/** A run is only ever looked at with the application that it is in: when that one is to end, the run is, too. */
function isRetiring({ launch, decision }: ApplicationView): boolean {
  return launch !== null && launch.retiringAt !== null && decision.phase === "retiring";
}

function isOver(application: ApplicationView, run: RunRow): boolean {
  return application.launch?.id === run.launch && application.launch.endedAt !== null;
}

function endOf(rule: string, job: JobRow, run: RunRow, application: ApplicationView): string {
  // A kill is the request's doing, for the job that it was asked for.
  if (rule === "run-lost") return job.stopMode === "kill" && run.stoppingSince !== null ? "request" : "application";
  // What breaks while a runner takes itself down is no fault of the job.
  if (application.decision.phase === "ending") return isLost(application) ? "application" : "runner";
  if (rule === "run-failed") return "failure";
  return run.stoppingSince === null ? "runner" : "request";
}

/** Spark has ended the application under its runner. */
function isLost({ call }: ApplicationView): boolean {
  return call?.request.state === "lost";
}
