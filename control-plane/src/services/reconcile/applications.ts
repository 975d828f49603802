import { randomUUID } from "node:crypto";
import { decideLaunch, type LaunchDecision, type LaunchTimes } from "../../domain/lifecycle/launch.ts";
import { composeSubmission, type SparkSite } from "../../domain/spark-settings.ts";
import type { Failpoint } from "../failpoint.ts";
import type { LastWordsKeeper } from "../last-words.ts";
import type { Log } from "../log.ts";
import type { Clock, LaunchStore, Processes } from "../ports.ts";
import type { Presence } from "../presence.ts";
import type { ApplicationRow, LaunchRow } from "../rows.ts";
import type { RunnerCall, RunnerCalls } from "../runner-calls.ts";
import { type SparkMaster, SubmissionRefused } from "../spark-master.ts";
import { LaunchObserver } from "./launch-observer.ts";

export interface ApplicationDeps {
  launches: LaunchStore;
  master: SparkMaster;
  processes: Processes;
  calls: RunnerCalls;
  site: Omit<SparkSite, "controlPlanes">;
  presence: Presence;
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
  private readonly observer: LaunchObserver;
  private readonly refused = new Map<string, { at: Date; reason: string }>();
  private readonly killedAt = new Map<string, Date>();

  constructor(deps: ApplicationDeps) {
    this.deps = deps;
    this.observer = new LaunchObserver(deps);
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
    const facts = await this.observer.observe(application, launch, call, open, wanted, failuresSince, listeningSince);
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
      isLeaving !== (launch.leavingAt !== null) ||
      !sameAddresses(request.controlPlanes ?? null, launch.controlPlanes);
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
      controlPlanes: request.controlPlanes ?? launch.controlPlanes,
      driverId: request.driverId ?? launch.driverId,
      sparkAppId: request.sparkAppId ?? launch.sparkAppId,
      submissionId: launch.submissionId ?? request.driverId ?? null,
    };
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
    for (const process of (await this.observer.livingProcesses(launch)) ?? []) processes.kill(process);
    if (launch.submissionId !== null) await master.kill(launch.submissionId);
  }

  private async submit(application: ApplicationRow, launch: LaunchRow): Promise<void> {
    const { launches, master, site, presence, log, clock, failpoint } = this.deps;
    const refusal = this.refused.get(launch.id);
    if (refusal !== undefined && clock.now().getTime() - refusal.at.getTime() < SUBMIT_AGAIN_MS) return;
    // Saved before the request is made: whoever comes after a crash knows that a driver may exist.
    const controlPlanes = presence.addresses();
    await launches.submitting(launch.id, { ...application, controlPlanes });
    failpoint("launch-submitting");
    try {
      const request = composeSubmission({ ...site, controlPlanes }, application.name, application.spec, launch.id);
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

/** Only short lives make a crash loop; one that was asked to end, or that served for a while, starts with a clean slate. */
function isFailure(launch: LaunchRow): boolean {
  const { adoptedAt, lastSyncAt, leavingAt, killRequestedAt, declaredDeadBy, retiringAt } = launch;
  if ([leavingAt, killRequestedAt, declaredDeadBy, retiringAt].some((asked) => asked !== null)) return false;
  return adoptedAt === null || (lastSyncAt?.getTime() ?? 0) - adoptedAt.getTime() < STABLE_MS;
}

/** The order is the runner's own: the one that it calls is first. */
function sameAddresses(said: string[] | null, saved: string[] | null): boolean {
  return said === null || (saved !== null && said.toSorted().join() === saved.toSorted().join());
}
