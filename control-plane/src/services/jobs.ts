import { failureVerdict } from "../domain/lifecycle/restart.ts";
import { Problem } from "../domain/problem.ts";
import { applicationOf, type JobSpecText, writeJobSpec } from "../domain/specs/job-spec.ts";
import { jobChanges, needsRestart } from "../domain/specs/spec-change.ts";
import type { JobException } from "../domain/sync.ts";
import type { LastWords } from "./last-words.ts";
import type { Placement } from "./placement.ts";
import type { CatalogStore, Clock, EventStore, LaunchStore, RunStore } from "./ports.ts";
import type { Positions } from "./positions.ts";
import type { JobRow, LedgerRow, ProgressPage, ProgressRow, RunDetails, RunFailure, RunRow } from "./rows.ts";

export interface JobSummary {
  id: string;
  kind: string;
  application: string;
  generation: number;
  /** what it does not do for the live generation; null for a job that works for that one */
  shadow: { of: string; replay: string | null; retiredAt: string | null } | null;
  epoch: number;
  desiredState: string;
  state: string;
  reason: string | null;
  since: string;
  spec: JobSpecText;
  specRevision: number;
  /** it runs with an older spec */
  restartPending: boolean;
  /** what it, or its application, died of; null unless it is FAILED */
  failure: { at: string; exception: JobException | null; lastWords: LastWords | null } | null;
  lag: { records: string | null; seconds: number | null };
  lastBatch: { id: string; at: string; rows: number; durationMs: number | null; version: string } | null;
}

/** Reads what jobs are and what they did. */
export class JobReader {
  private readonly catalog: CatalogStore;
  private readonly runStore: RunStore;
  private readonly events: EventStore;
  private readonly positions: Positions;
  private readonly launches: LaunchStore;
  private readonly clock: Clock;

  constructor(deps: {
    catalog: CatalogStore;
    runs: RunStore;
    events: EventStore;
    positions: Positions;
    launches: LaunchStore;
    clock: Clock;
  }) {
    this.catalog = deps.catalog;
    this.runStore = deps.runs;
    this.events = deps.events;
    this.positions = deps.positions;
    this.launches = deps.launches;
    this.clock = deps.clock;
  }

  /** @param shadows those that replays run beside the live generation, too */
  async list(shadows = false): Promise<JobSummary[]> {
    const [jobs, openRuns, placementOf] = await Promise.all([
      this.catalog.jobs(),
      this.runStore.openRuns(),
      this.positions.placements(),
    ]);
    const listed = jobs.filter(({ shadowOf }) => shadows || shadowOf === null);
    return Promise.all(listed.map((job) => this.summarise(job, openRuns, placementOf(job))));
  }

  async get(id: string): Promise<JobSummary> {
    const job = await this.find(id);
    return this.summarise(job, await this.runStore.openRuns(), (await this.positions.placements())(job));
  }

  /**
   * A job that people may change.
   * @throws Problem `unknown_job`; `belongs_to_replay` for a shadow
   */
  async findOwn(id: string): Promise<JobRow> {
    const job = await this.find(id);
    if (job.shadowOf === null) return job;
    const { replay } = (await this.positions.placements())(job);
    throw new Problem({
      status: 409,
      code: "belongs_to_replay",
      title: "This job belongs to a replay",
      detail: `Nothing was changed: ${id} is a shadow of ${job.shadowOf} and does what replay ${replay} wants.`,
      next: `Pause, resume or cancel the replay: /v1/replays/${replay}. ${job.shadowOf} itself can be changed as ever.`,
    });
  }

  /** One of any kind, a shadow that has retired included. @throws Problem `unknown_job`, listing the jobs there are */
  async find(id: string): Promise<JobRow> {
    const job = await this.catalog.job(id);
    if (job !== null) return job;
    const jobs = await this.catalog.jobs();
    throw new Problem({
      status: 404,
      code: "unknown_job",
      title: "No such job",
      detail: `There is no job ${JSON.stringify(id)}.`,
      next: `Known jobs: ${jobs.map((known) => known.id).join(", ") || "none yet"}.`,
    });
  }

  async runs(id: string, limit: number, beforeEpoch: number | null): Promise<RunDetails[]> {
    await this.find(id);
    return this.runStore.list(id, limit, beforeEpoch);
  }

  /** @throws Problem `unknown_job`, `unknown_run` */
  async run(id: string, epoch: number): Promise<RunDetails> {
    const job = await this.find(id);
    const run = await this.runStore.find(id, epoch);
    if (run !== null) return run;
    throw new Problem({
      status: 404,
      code: "unknown_run",
      title: "No such run",
      detail: `${id} has no run with epoch ${epoch}; its newest epoch is ${job.epoch}.`,
      next: `GET /v1/jobs/${id}/runs lists them.`,
    });
  }

  async progress(id: string, page: ProgressPage): Promise<ProgressRow[]> {
    await this.find(id);
    return this.events.progress(id, page);
  }

  private async summarise(job: JobRow, openRuns: RunRow[], at: Placement): Promise<JobSummary> {
    const [lag, batch] = await Promise.all([this.positions.lag(job, at), this.positions.lastBatch(job, at)]);
    const progress = batch === null ? null : await this.events.newestProgress(job.id, batch.batch);
    const failure = job.state === "FAILED" ? await this.failure(job) : null;
    const run = openRuns.find((open) => open.job === job.id);
    return {
      id: job.id,
      kind: job.spec.kind,
      application: run === undefined ? job.application : applicationOf(job.id, run.spec),
      generation: at.generation,
      shadow: describeShadow(job, at),
      epoch: job.epoch,
      desiredState: job.desired,
      state: job.state,
      reason: job.reason,
      since: job.stateSince.toISOString(),
      spec: writeJobSpec(job.spec),
      specRevision: job.revision,
      restartPending: run !== undefined && needsRestart(jobChanges(run.spec, job.spec)),
      failure,
      lag,
      lastBatch: batch === null ? null : describeBatch(batch, progress),
    };
  }

  /** That of its last run for as long as the job itself may not run because of it, and else that of its application. */
  private async failure(job: JobRow): Promise<JobSummary["failure"]> {
    const runs = await this.runStore.failures(job.id, job.desiredSince);
    const [run] = runs;
    const { givenUp, retryAt } = failureVerdict(job.spec.restart, job.id, runs, this.clock.now());
    if (run !== undefined && (givenUp || retryAt !== null)) return describeFailure(run);
    const [launch] = await this.launches.failures(job.application, job.desiredSince);
    if (launch !== undefined) return describeFailure({ ...launch, exception: null });
    return run === undefined ? null : describeFailure(run);
  }
}

function describeShadow({ shadowOf, retiredAt }: JobRow, { replay }: Placement): JobSummary["shadow"] {
  return shadowOf === null ? null : { of: shadowOf, replay, retiredAt: retiredAt?.toISOString() ?? null };
}

function describeFailure({ at, exception, lastWords }: RunFailure): NonNullable<JobSummary["failure"]> {
  return { at: at.toISOString(), exception, lastWords };
}

function describeBatch(batch: LedgerRow, progress: ProgressRow | null) {
  const durations = progress?.data.durationMs as Record<string, number> | undefined;
  return {
    id: batch.batch,
    at: batch.at.toISOString(),
    rows: Number(batch.entry.rowsIn ?? 0),
    durationMs: durations?.triggerExecution ?? null,
    version: batch.version,
  };
}
