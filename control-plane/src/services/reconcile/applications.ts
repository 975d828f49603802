import { randomUUID } from "node:crypto";
import {
  type DriverState,
  decideLaunch,
  type LaunchDecision,
  type LaunchFacts,
  type LaunchTimes,
} from "../../domain/lifecycle/launch.ts";
import { restartVerdict } from "../../domain/lifecycle/restart.ts";
import { composeSubmission, type SparkSite } from "../../domain/spark-settings.ts";
import { DEFAULT_RESTART } from "../../domain/specs/job-spec.ts";
import { applicationChanges } from "../../domain/specs/spec-change.ts";
import type { RunnerProcess } from "../../domain/sync.ts";
import type { Failpoint } from "../failpoint.ts";
import type { LastWordsKeeper } from "../last-words.ts";
import type { Log } from "../log.ts";
import type { Clock, LaunchStore, Processes } from "../ports.ts";
import type { ApplicationRow, LaunchRow } from "../rows.ts";
import type { RunnerCall, RunnerCalls } from "../runner-calls.ts";
import { type ClusterView, type SparkMaster, SubmissionRefused } from "../spark-master.ts";
import { ResourceWatch } from "./resources.ts";

export interface ApplicationDeps {
  launches: LaunchStore;
  master: SparkMaster;
  processes: Processes;
  calls: RunnerCalls;
  site: SparkSite;
  /** drivers run on this machine, so that its process list is evidence */
  driversAreLocal: boolean;
  times: LaunchTimes;
  clock: Clock;
  log: Log;
  failpoint: Failpoint;
  lastWords: LastWordsKeeper;
}

export interface ApplicationView {
  name: string;
  decision: LaunchDecision;
  launch: LaunchRow | null;
  call: RunnerCall | null;
  noResources: string | null;
}

const SUBMIT_AGAIN_MS = 2_000;
const KILL_AGAIN_MS = 2_000;
const SAVE_CALL_MS = 5_000;
const STABLE_MS = 60_000;

/** Moves applications towards having exactly one living launch while a job wants one. */
export class Applications {
  private readonly deps: ApplicationDeps;
  private readonly resources: ResourceWatch;
  private readonly refused = new Map<string, { at: Date; reason: string }>();
  private readonly killedAt = new Map<string, Date>();

  constructor(deps: ApplicationDeps) {
    this.deps = deps;
    this.resources = new ResourceWatch(deps.master, deps.clock);
  }

  /**
   * Does one step for one application.
   * @param failuresSince failures before it no longer count
   * @param listeningSince silence before it does not count: we were not there to hear
   */
  async step(
    application: ApplicationRow,
    open: LaunchRow[],
    wanted: boolean,
    failuresSince: Date,
    listeningSince: Date,
  ): Promise<ApplicationView> {
    const launch = await this.adopt(open.find((row) => row.application === application.name) ?? null);
    const call = launch === null ? null : (this.deps.calls.of(application.name, launch.id) ?? null);
    const facts = await this.observe(application, launch, call, open, wanted, failuresSince, listeningSince);
    const decision = decideLaunch(facts, this.deps.times);
    const after = await this.act(application, launch, decision, wanted);
    return {
      name: application.name,
      decision: this.withRefusal(launch, decision),
      launch: after,
      call,
      noResources: facts.noResources,
    };
  }

  private async adopt(launch: LaunchRow | null): Promise<LaunchRow | null> {
    if (launch === null) return null;
    const call = this.deps.calls.of(launch.application, launch.id);
    if (call === undefined) return launch;
    const { request, at } = call;
    const saved = launch.lastSyncAt?.getTime() ?? 0;
    const isLeaving = request.state === "stopping";
    const isNews =
      launch.adoptedAt === null ||
      request.processes.length !== launch.processes.length ||
      isLeaving !== (launch.leavingAt !== null);
    if (!isNews && launch.sparkAppId === (request.sparkAppId ?? null) && at.getTime() - saved < SAVE_CALL_MS)
      return launch;
    await this.deps.launches.called(launch.id, request);
    if (launch.adoptedAt === null) {
      this.deps.failpoint("launch-adopted");
      this.deps.log.info(
        { application: launch.application, launch: launch.id, driver: request.driverId },
        "runner called",
      );
    }
    return {
      ...launch,
      submittingAt: launch.submittingAt ?? at,
      adoptedAt: launch.adoptedAt ?? at,
      lastSyncAt: at,
      leavingAt: isLeaving ? (launch.leavingAt ?? at) : null,
      host: request.host,
      processes: request.processes,
      driverId: request.driverId ?? launch.driverId,
      sparkAppId: request.sparkAppId ?? launch.sparkAppId,
      submissionId: launch.submissionId ?? request.driverId ?? null,
    };
  }

  private async observe(
    application: ApplicationRow,
    launch: LaunchRow | null,
    call: RunnerCall | null,
    open: LaunchRow[],
    wanted: boolean,
    failuresSince: Date,
    listeningSince: Date,
  ): Promise<LaunchFacts> {
    const now = this.deps.clock.now();
    const failures = launch === null ? await this.deps.launches.failures(application.name, failuresSince) : [];
    const heardAt = Math.max(call?.at.getTime() ?? 0, listeningSince.getTime());
    const silentMs = launch?.adoptedAt ? now.getTime() - heardAt : null;
    const quiet = silentMs === null || silentMs > this.deps.times.heartbeatTimeoutMs;
    const attempted = launch !== null && launch.submittingAt !== null;
    const toBeKilled = launch !== null && launch.killRequestedAt !== null;
    const driver =
      attempted && (quiet || toBeKilled) && launch.submissionId !== null
        ? await this.deps.master.status(launch.submissionId)
        : null;
    const inDoubt = attempted && (toBeKilled || (quiet ? !isOnItsWay(launch, driver) : this.lostProcesses(launch)));
    const cluster = attempted ? await this.resources.cluster(inDoubt) : null;
    return {
      wanted,
      launch,
      silentMs,
      ending: call !== null && ["stopping", "lost"].includes(call.request.state),
      driver,
      processes: inDoubt ? await this.processesOf(launch) : "unknown",
      masterHasNoStrangers: cluster !== null && hasNoStrangers(cluster, open),
      noResources: attempted ? this.resources.missing(application, launch, driver, cluster) : null,
      outdated: launch?.spec != null && applicationChanges(launch.spec, application.spec).length > 0,
      restart: restartVerdict(DEFAULT_RESTART, application.name, failures, now),
      lastFailure: failures[0]?.reason ?? null,
      now,
    };
  }

  /** A driver that died a moment ago need not be silent for long to be missed. */
  private lostProcesses(launch: LaunchRow): boolean {
    if (!this.deps.driversAreLocal || launch.processes.length === 0) return false;
    return launch.processes.every((process) => this.deps.processes.alive(process) === false);
  }

  private async processesOf(launch: LaunchRow): Promise<LaunchFacts["processes"]> {
    const found = await this.livingProcesses(launch);
    if (found === undefined) return "unknown";
    return found.length > 0 ? "alive" : "gone";
  }

  /** undefined where that cannot be found out */
  private async livingProcesses(launch: LaunchRow): Promise<RunnerProcess[] | undefined> {
    if (!this.deps.driversAreLocal) return undefined;
    const marked = await this.deps.processes.ofLaunch(launch.id);
    if (marked === undefined) return undefined;
    const known = launch.processes.filter((process) => this.deps.processes.alive(process));
    return [...known, ...marked];
  }

  private async act(
    application: ApplicationRow,
    launch: LaunchRow | null,
    decision: LaunchDecision,
    wanted: boolean,
  ): Promise<LaunchRow | null> {
    const { launches, log, clock, failpoint } = this.deps;
    if (decision.action === "record") {
      const id = randomUUID();
      await launches.record(id, application.name);
      log.info({ application: application.name, launch: id }, "launch recorded");
      failpoint("launch-recorded");
      return launch;
    }
    if (launch === null) return null;
    if (decision.action === "submit") await this.submit(application, launch);
    if (decision.action === "kill") await this.kill(launch, decision.reason);
    if (decision.action === "requestKill") await launches.requestKill(launch.id);
    if (decision.action === "end") {
      await launches.end(launch.id, decision.reason ?? "ended", wanted && isFailure(launch));
      log.info({ application: application.name, launch: launch.id, reason: decision.reason }, "launch ended");
      this.killedAt.delete(launch.id);
      failpoint("launch-ended");
      if (launch.leavingAt === null) this.deps.lastWords.keep(launch);
      return { ...launch, endedAt: clock.now() };
    }
    return launch;
  }

  private async kill(launch: LaunchRow, reason: string | null): Promise<void> {
    const { master, processes, clock, log } = this.deps;
    const last = this.killedAt.get(launch.id);
    const now = clock.now();
    if (last !== undefined && now.getTime() - last.getTime() < KILL_AGAIN_MS) return;
    this.killedAt.set(launch.id, now);
    log.warn({ application: launch.application, launch: launch.id, reason }, "killing");
    for (const process of (await this.livingProcesses(launch)) ?? []) processes.kill(process);
    if (launch.submissionId !== null) await master.kill(launch.submissionId);
  }

  private async submit(application: ApplicationRow, launch: LaunchRow): Promise<void> {
    const { launches, master, site, log, clock, failpoint } = this.deps;
    const refusal = this.refused.get(launch.id);
    if (refusal !== undefined && clock.now().getTime() - refusal.at.getTime() < SUBMIT_AGAIN_MS) return;
    // Saved before the request is made: whoever comes after a crash knows that a driver may exist.
    await launches.submitting(launch.id, application);
    failpoint("launch-submitting");
    try {
      const request = composeSubmission(site, application.name, application.spec, launch.id);
      const submissionId = await master.submit(request);
      failpoint("launch-submitted");
      await launches.submitted(launch.id, submissionId);
      this.refused.delete(launch.id);
      log.info({ application: application.name, launch: launch.id, submissionId }, "submitted");
    } catch (error) {
      if (!(error instanceof SubmissionRefused)) {
        log.warn({ application: application.name, launch: launch.id, err: error }, "no answer to a submission");
        return;
      }
      await launches.submitting(launch.id, null);
      if (refusal?.reason !== error.message)
        log.warn({ launch: launch.id, reason: error.message }, "submission refused");
      this.refused.set(launch.id, { at: clock.now(), reason: error.message });
    }
  }

  private withRefusal(launch: LaunchRow | null, decision: LaunchDecision): LaunchDecision {
    const refusal = launch === null ? undefined : this.refused.get(launch.id);
    if (refusal === undefined || decision.action !== "submit") return decision;
    return { ...decision, reason: `cannot be submitted: ${refusal.reason}` };
  }
}

/** A launch that has not called yet and of which the master says that it is pending or runs: nothing to doubt. */
function isOnItsWay(launch: LaunchRow, driver: DriverState | null): boolean {
  return launch.adoptedAt === null && driver?.kind === "state" && ["SUBMITTED", "RUNNING"].includes(driver.state);
}

/** Only short lives make a crash loop; one that was asked to end, or that served for a while, starts with a clean slate. */
function isFailure(launch: LaunchRow): boolean {
  const { adoptedAt, lastSyncAt, leavingAt, killRequestedAt, declaredDeadBy, retiringAt } = launch;
  if ([leavingAt, killRequestedAt, declaredDeadBy, retiringAt].some((asked) => asked !== null)) return false;
  return adoptedAt === null || (lastSyncAt?.getTime() ?? 0) - adoptedAt.getTime() < STABLE_MS;
}

function hasNoStrangers(cluster: ClusterView, open: LaunchRow[]): boolean {
  const known = new Set(open.map((launch) => launch.submissionId));
  const pending = cluster.activeDrivers.filter((id) => !known.has(id));
  return cluster.status === "ALIVE" && pending.length === 0;
}
