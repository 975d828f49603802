import type { DriverState, LaunchFacts } from "../../domain/lifecycle/launch.ts";
import { restartVerdict } from "../../domain/lifecycle/restart.ts";
import { DEFAULT_RESTART } from "../../domain/specs/job-spec.ts";
import { applicationChanges } from "../../domain/specs/spec-change.ts";
import type { RunnerProcess } from "../../domain/sync.ts";
import type { ApplicationRow, LaunchRow } from "../rows.ts";
import type { RunnerCall } from "../runner-calls.ts";
import type { ClusterView } from "../spark-master.ts";
import type { ApplicationDeps } from "./applications.ts";
import { ResourceWatch } from "./resources.ts";

export type ObserverDeps = Pick<ApplicationDeps, "launches" | "master" | "processes" | "presence" | "times" | "clock">;

/** Finds out what is true of a launch: from its runner's calls, the Spark master, and the processes where drivers run. */
export class LaunchObserver {
  private readonly deps: ObserverDeps;
  private readonly resources: ResourceWatch;

  constructor(deps: ObserverDeps) {
    this.deps = deps;
    this.resources = new ResourceWatch(deps.master, deps.clock);
  }

  /** Everything that is decided on. @param wanted some job of the application should run */
  async observe(
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
      cannotCall: call === null ? this.strangersTo(launch) : null,
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

  /** Where a launch's runner calls, when it does not know this control plane; null when it does, or cannot say. */
  private strangersTo(launch: LaunchRow | null): string | null {
    const known = launch?.controlPlanes ?? null;
    const { own } = this.deps.presence;
    if (known === null || known.includes(own)) return null;
    return `its runner knows the control planes at ${known.join(", ")}, and not this one at ${own}`;
  }

  /** A driver that died a moment ago need not be silent for long to be missed. */
  private lostProcesses(launch: LaunchRow): boolean {
    if (launch.processes.length === 0) return false;
    return launch.processes.every((process) => this.deps.processes.alive(process) === false);
  }

  private async processesOf(launch: LaunchRow): Promise<LaunchFacts["processes"]> {
    const found = await this.livingProcesses(launch);
    if (found === undefined) return "unknown";
    return found.length > 0 ? "alive" : "gone";
  }

  /** Of a launch; undefined where that cannot be found out. */
  async livingProcesses(launch: LaunchRow): Promise<RunnerProcess[] | undefined> {
    const marked = await this.deps.processes.ofLaunch(launch.id);
    if (marked === undefined) return undefined;
    const known = launch.processes.filter((process) => this.deps.processes.alive(process));
    return [...known, ...marked];
  }
}

/** A launch that has not called yet and of which the master says that it is pending or runs: nothing to doubt. */
function isOnItsWay(launch: LaunchRow, driver: DriverState | null): boolean {
  return launch.adoptedAt === null && driver?.kind === "state" && ["SUBMITTED", "RUNNING"].includes(driver.state);
}

function hasNoStrangers(cluster: ClusterView, open: LaunchRow[]): boolean {
  const known = new Set(open.map((launch) => launch.submissionId));
  const pending = cluster.activeDrivers.filter((id) => !known.has(id));
  return cluster.status === "ALIVE" && pending.length === 0;
}
