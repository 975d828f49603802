import { type AssignmentSite, composeSpec, type PlacedJob } from "../../domain/assignment.ts";
import type { LaunchPhase } from "../../domain/lifecycle/launch.ts";
import { JUDGES } from "../../domain/specs/job-spec.ts";
import type { Assignment, AssignmentSpec } from "../../domain/sync.ts";
import type { Failpoint } from "../failpoint.ts";
import type { Journal } from "../journal.ts";
import type { Log } from "../log.ts";
import type { Meter } from "../metrics.ts";
import type { OverridesToApply } from "../overrides.ts";
import { type Placement, placer } from "../placement.ts";
import type { CatalogStore, Clock, LaunchStore, RunStore } from "../ports.ts";
import type { ApplicationRow, JobRow, LaunchRow, RunRow } from "../rows.ts";
import { Ticker } from "../ticker.ts";
import type { Applications, ApplicationView } from "./applications.ts";
import type { Jobs, JobView } from "./jobs.ts";
import type { OperationSteps } from "./operations.ts";

export interface ReconcilerDeps {
  catalog: CatalogStore;
  launches: LaunchStore;
  runs: RunStore;
  operations: OperationSteps;
  journal: Journal;
  meter: Meter;
  applications: Applications;
  jobs: Jobs;
  overrides: OverridesToApply;
  /** what assignments are composed from; `jobs` is filled in from the catalog */
  site: Omit<AssignmentSite, "jobs">;
  clock: Clock;
  log: Log;
  failpoint: Failpoint;
  /** an application without work is asked to end after this time; its memory is worth more elsewhere */
  idleShutdownMs: number;
}

/** What a runner is told. */
export interface ApplicationPlan {
  /** the only launch that may run now; null when there should be none */
  launchId: string | null;
  shutdown: boolean;
  assignments: Assignment[];
}

type Decisions = Pick<AssignmentSpec, "overrides" | "overridesApplied">;

/** A gap between two ticks that is longer means that this process did not run: nobody was silent meanwhile. */
const GAP_MS = 5_000;

/** Moves what is towards what was asked for, one small step at a time; every step may be interrupted and repeated. */
export class Reconciler {
  private readonly deps: ReconcilerDeps;
  /** null for an application that could not be looked at yet */
  private plans: Map<string, ApplicationPlan | null> | null = null;
  private views: Map<string, ApplicationView> = new Map();
  private readonly phases = new Map<string, LaunchPhase>();
  private readonly idleSince = new Map<string, Date>();
  private listeningSince: Date;
  private lastTick: Date;
  private readonly ticker = new Ticker(() => this.tickSafely());
  private lastError: string | null = null;

  constructor(deps: ReconcilerDeps) {
    this.deps = deps;
    this.listeningSince = deps.clock.now();
    this.lastTick = this.listeningSince;
  }

  start(): void {
    this.listeningSince = this.deps.clock.now();
    this.lastTick = this.listeningSince;
    this.ticker.start();
  }

  /** Stops deciding and waits for the step in progress; nothing that runs on the cluster is touched. */
  async stop(): Promise<void> {
    await this.ticker.stop();
    // What was planned then says nothing about what another control plane decides now: runners are told to call again.
    this.plans = null;
    this.views = new Map();
    this.phases.clear();
  }

  /** Something changed: look now instead of at the next tick. */
  readonly poke = (): void => this.ticker.poke();

  /** The plan for an application; null before the first look, undefined for an application that is not declared. */
  plan(application: string): ApplicationPlan | null | undefined {
    return this.plans === null ? null : this.plans.get(application);
  }

  view(application: string): ApplicationView | undefined {
    return this.views.get(application);
  }

  private async tickSafely(): Promise<void> {
    const start = performance.now();
    let ok = false;
    try {
      await this.tick();
      ok = true;
      if (this.lastError !== null) this.deps.log.info({}, "reconciling again");
      this.lastError = null;
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      // The same trouble every half second is one line in the log.
      if (text !== this.lastError) this.deps.log.error({ err: error }, "cannot reconcile");
      this.lastError = text;
    } finally {
      this.deps.meter.reconciled((performance.now() - start) / 1000, ok);
    }
  }

  /** One look at everything, and at most a few steps for each application, job and operation. */
  async tick(): Promise<void> {
    const { catalog, launches, runs, clock, site } = this.deps;
    const now = clock.now();
    if (now.getTime() - this.lastTick.getTime() > GAP_MS) this.listeningSince = now;
    this.lastTick = now;
    // First: an operation is judged by what is seen after it was asked for, never by an older view.
    const operations = await this.deps.operations.open();
    const [jobs, applications, open, openRuns, generations] = await Promise.all([
      catalog.jobs(),
      catalog.applications(),
      launches.open(),
      runs.openRuns(),
      catalog.generations(site.pipeline),
    ]);
    if (!generations.some(({ live }) => live)) throw new Error(`pipeline ${site.pipeline} has no live generation`);
    const placementOf = placer(generations);
    const placed = new Map(jobs.map((job) => [job.id, { ...placementOf(job), id: job.id, spec: job.spec }]));
    const jobViews: JobView[] = [];
    const plans = new Map<string, ApplicationPlan | null>();
    const views = new Map<string, ApplicationView>();
    const look = async (application: ApplicationRow): Promise<void> => {
      const members = jobs.filter((job) => hostOf(job, openRuns, open) === application.name);
      const wanted = members.some((job) => job.desired === "running");
      const askedAt = members.map((job) => job.desiredSince.getTime());
      const view = await this.deps.applications.step(
        application,
        open,
        wanted,
        new Date(Math.max(0, ...askedAt)),
        this.listeningSince,
      );
      views.set(application.name, view);
      await this.notePhase(application.name, view);
      const mine: JobView[] = [];
      const decisions = new Map<string, Decisions>();
      for (const job of members) {
        const run = openRuns.find((candidate) => candidate.job === job.id) ?? null;
        const at = placementOf(job);
        mine.push(await this.deps.jobs.step(job, run, view, open, at));
        if (job.spec.kind === JUDGES) decisions.set(job.id, await this.decisionsFor(job, at));
      }
      jobViews.push(...mine);
      plans.set(application.name, this.planFor(application, view, mine, { placed, decisions }, wanted));
    };
    const troubles: unknown[] = [];
    for (const application of applications) {
      try {
        await look(application);
      } catch (error) {
        // One that is in trouble must not stop the others; its runner goes on with what it was told.
        troubles.push(error);
        const [plan, view] = [this.plans?.get(application.name), this.views.get(application.name)];
        plans.set(application.name, plan ?? null);
        if (view !== undefined) views.set(application.name, view);
      }
    }
    this.plans = plans;
    this.views = views;
    if (await this.deps.operations.step(operations, jobViews, views)) this.poke();
    if (troubles.length > 0) throw troubles[0];
  }

  /** What people decided about single records, for a job that judges records. */
  private async decisionsFor({ pipeline, spec }: JobRow, { job, generation }: Placement): Promise<Decisions> {
    const table = spec.writes[0] ?? "";
    const { overrides, anyApplied } = await this.deps.overrides.toApply(pipeline, job, generation, table);
    return { overrides, overridesApplied: anyApplied };
  }

  /** Phases are observed and not stored: the journal alone remembers them. */
  private async notePhase(application: string, { decision, launch }: ApplicationView): Promise<void> {
    const from = this.phases.get(application) ?? null;
    if (from === decision.phase) return;
    const data = { application, from, to: decision.phase, reason: decision.reason, launch: launch?.id ?? null };
    await this.deps.journal.record({ type: "application.phase", subjects: [application], data });
    this.phases.set(application, decision.phase);
  }

  private planFor(
    { name, dedicated }: ApplicationRow,
    view: ApplicationView,
    jobs: JobView[],
    { placed, decisions }: { placed: Map<string, PlacedJob>; decisions: Map<string, Decisions> },
    wanted: boolean,
  ): ApplicationPlan {
    const launchId = view.launch === null || view.launch.endedAt !== null ? null : view.launch.id;
    const assignments = jobs.flatMap(({ job, run }): Assignment[] => {
      const here = placed.get(job.id);
      if (run === null || here === undefined || run.launch !== launchId) return [];
      const spec = composeSpec({ ...this.deps.site, jobs: [...placed.values()] }, here, run.spec);
      return [
        {
          job: here.job,
          generation: run.generation,
          epoch: run.epoch,
          desired: run.stoppingSince === null ? "running" : "stopped",
          stop: stopOf(job, view),
          spec: { ...spec, ...decisions.get(job.id) },
        },
      ];
    });
    const now = this.deps.clock.now();
    if (wanted || assignments.length > 0) this.idleSince.set(name, now);
    const idleMs = now.getTime() - (this.idleSince.get(name) ?? now).getTime();
    // An application of one job alone is of no use once that job has moved away.
    const isLeft = dedicated && jobs.length === 0;
    const hasRetired = view.decision.phase === "retiring" && assignments.length === 0;
    const shutdown = idleMs > this.deps.idleShutdownMs || isLeft || hasRetired;
    return { launchId, shutdown, assignments };
  }
}

/** The application that a job is in: its next run may belong into another one, but not before the open one is closed. */
function hostOf(job: JobRow, openRuns: RunRow[], openLaunches: LaunchRow[]): string {
  const run = openRuns.find((open) => open.job === job.id);
  return openLaunches.find((launch) => launch.id === run?.launch)?.application ?? job.application;
}

function stopOf(job: JobRow, { decision, launch }: ApplicationView): Assignment["stop"] {
  if (decision.phase === "retiring" && launch !== null && job.desired === "running") {
    return { mode: launch.stopMode, timeoutMs: launch.stopTimeoutMs };
  }
  // A runner whose application is being killed may as well stop; nobody waits for it.
  return { mode: job.stopMode === "kill" ? "now" : job.stopMode, timeoutMs: job.stopTimeoutMs };
}
