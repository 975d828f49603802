import { invalidRequest } from "../../domain/problem.ts";
import type { ApplicationSpec } from "../../domain/specs/application-spec.ts";
import { dedicatedSpec } from "../../domain/specs/dedicated.ts";
import { applicationOf, DEDICATED, type JobSpec, readJobSpec, writeJobSpec } from "../../domain/specs/job-spec.ts";
import { jobChanges, needsRestart, type SpecChange } from "../../domain/specs/spec-change.ts";
import type { JobReader } from "../jobs.ts";
import type { Asked } from "../operation-requests.ts";
import type { Operations } from "../operations.ts";
import type { CatalogStore, RunStore } from "../ports.ts";
import type { ApplicationRow, JobRow } from "../rows.ts";
import { APPLICATIONS_LISTED, applicationError } from "./known-application.ts";
import type { SpecStore } from "./ports.ts";
import { type ChangeRequest, readBody, refuseNewGeneration, requireRevision, staleRevision } from "./revisions.ts";
import type { Room } from "./room.ts";

export interface JobSpecDeps {
  jobs: JobReader;
  catalog: CatalogStore;
  runs: RunStore;
  store: SpecStore;
  room: Room;
  operations: Operations;
  onChange: () => void;
}

/** What a change of a spec does, or would do. */
export interface SpecAnswer<S> {
  dryRun: boolean;
  effect: "none" | "restart";
  changes: SpecChange[];
  /** what runs was started with an older spec */
  restartPending: boolean;
  specRevision: number;
  spec: S;
  /** id of the restart that was asked for with it */
  operation: string | null;
}

/** Changes what jobs are declared to be. */
export class JobSpecs {
  private readonly deps: JobSpecDeps;

  constructor(deps: JobSpecDeps) {
    this.deps = deps;
  }

  /**
   * Replaces a job's spec.
   * @throws Problem `unknown_job`, `belongs_to_replay`, `invalid_request`, `stale_revision`, `needs_new_generation`, `does_not_fit`
   */
  async put(id: string, request: ChangeRequest, asked: Asked): Promise<SpecAnswer<ReturnType<typeof writeJobSpec>>> {
    const { jobs, catalog, runs } = this.deps;
    const job = await jobs.findOwn(id);
    requireRevision(request.expected, job.revision, `/v1/jobs/${id}`);
    const spec = readBody(request.body, readJobSpec);
    const changes = jobChanges(job.spec, spec);
    refuseNewGeneration(changes);
    const applications = await catalog.applications();
    requireApplication(spec, applications);
    if (spec.application !== job.spec.application && !request.force) await this.requireRoom(job, spec, applications);
    const revision =
      request.dryRun || changes.length === 0 ? job.revision : await this.save(job, spec, applications, asked);
    const run = (await runs.openRuns()).find((open) => open.job === id);
    const restartPending = run !== undefined && needsRestart(jobChanges(run.spec, spec));
    const restart = restartPending && request.restart && !request.dryRun ? await this.restart(id, asked) : null;
    return {
      dryRun: request.dryRun,
      effect: run !== undefined && needsRestart(changes) ? "restart" : "none",
      changes,
      restartPending,
      specRevision: revision,
      spec: writeJobSpec(spec),
      operation: restart,
    };
  }

  private async requireRoom(job: JobRow, spec: JobSpec, applications: ApplicationRow[]): Promise<void> {
    const name = applicationOf(job.id, spec);
    const present = applications.find((application) => application.name === name)?.spec;
    await this.deps.room.require({ application: name, spec: present ?? this.dedicatedTo(job, applications) }, job.id);
  }

  /** Sizes of an application of its own, after the one that the job is in. */
  private dedicatedTo(job: JobRow, applications: ApplicationRow[]): ApplicationSpec {
    return dedicatedSpec(applications.find(({ name }) => name === job.application)?.spec);
  }

  private async save(job: JobRow, spec: JobSpec, applications: ApplicationRow[], asked: Asked): Promise<number> {
    const { store, jobs, onChange } = this.deps;
    const revision = await store.saveJob({
      of: job.id,
      pipeline: job.pipeline,
      revision: job.revision,
      spec,
      application: applicationOf(job.id, spec),
      dedicated: spec.application === DEDICATED ? this.dedicatedTo(job, applications) : null,
      audit: {
        actor: asked.by,
        action: "job.spec",
        target: job.id,
        requestId: asked.requestId,
        before: writeJobSpec(job.spec),
        after: writeJobSpec(spec),
      },
    });
    if (revision === null) {
      const { revision: newest } = await jobs.find(job.id);
      throw staleRevision(`revision ${job.revision}`, newest, `/v1/jobs/${job.id}`);
    }
    onChange();
    return revision;
  }

  private async restart(id: string, asked: Asked): Promise<string> {
    const request = { mode: "drain" as const, timeoutMs: null, force: false };
    return (await this.deps.operations.request("restart", id, request, asked)).id;
  }
}

function requireApplication({ application }: JobSpec, applications: ApplicationRow[]): void {
  const error = applicationError("body.application", application, applications);
  if (error !== null) throw invalidRequest([error], APPLICATIONS_LISTED);
}
