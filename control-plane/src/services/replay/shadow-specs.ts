import { shadowId } from "../../domain/generation.ts";
import { invalidRequest, Problem } from "../../domain/problem.ts";
import type { PlannedJob } from "../../domain/replay/plan.ts";
import { type ShadowSpecs, specsOutOfScope } from "../../domain/replay/shadow-specs.ts";
import { shadowsOwnSpec } from "../../domain/specs/dedicated.ts";
import type { Demand } from "../../domain/specs/fit.ts";
import { applicationOf, type JobSpec } from "../../domain/specs/job-spec.ts";
import { shadowChanges, shadowSpec } from "../../domain/specs/shadow-spec.ts";
import type { CatalogStore } from "../ports.ts";
import type { ApplicationRow, JobRow } from "../rows.ts";
import { APPLICATIONS_LISTED, applicationError } from "../specs/known-application.ts";
import type { Room } from "../specs/room.ts";

/**
 * Refuses specs of shadow jobs that the replay does not have, and applications that they cannot be in.
 * @param replayed jobs that the replay makes anew
 * @throws Problem `invalid_request`
 */
export async function refuseShadowSpecs(
  specs: ShadowSpecs,
  replayed: readonly string[],
  catalog: Pick<CatalogStore, "applications">,
): Promise<void> {
  const foreign = specsOutOfScope(specs, replayed);
  if (foreign.length > 0) throw invalidRequest(foreign);
  const named = Object.entries(specs).filter(([, { application }]) => application !== undefined);
  if (named.length === 0) return;
  const applications = await catalog.applications();
  const errors = named.flatMap(([job, { application = "" }]) => {
    return applicationError(`body.specs.${job}.application`, application, applications) ?? [];
  });
  if (errors.length > 0) throw invalidRequest(errors, APPLICATIONS_LISTED);
}

/** What of a shadow's spec a plan says and goes by. */
export function plannedSpec(
  { id, spec, revision }: Pick<JobRow, "id" | "spec" | "revision">,
  specs: ShadowSpecs,
): Omit<PlannedJob, "job" | "rows"> {
  const shadow = shadowSpec(id, spec, specs[id]);
  return {
    specRevision: revision,
    changes: shadowChanges(id, spec, shadow),
    drainTimeoutMs: shadow.drainTimeoutMs,
  };
}

/** Whether the cluster has no room for the applications that the request names, as sentences: the shadow jobs would wait. */
export async function roomWarnings(
  specs: ShadowSpecs,
  generation: number,
  jobs: readonly JobRow[],
  { catalog, room }: { catalog: Pick<CatalogStore, "applications">; room: Pick<Room, "shortage"> },
): Promise<string[]> {
  const moving = jobs.filter(({ id }) => specs[id]?.application !== undefined);
  if (moving.length === 0) return [];
  const applications = await catalog.applications();
  const demands = new Map(
    moving.map((job) => {
      const demand = demandOf(job, shadowSpec(job.id, job.spec, specs[job.id]), generation, applications);
      return [demand.application, demand];
    }),
  );
  const warnings: string[] = [];
  const before: Demand[] = [];
  for (const demand of demands.values()) {
    const shortage = await shortageOf(room, demand, before);
    if (shortage !== null) warnings.push(shortage);
    before.push(demand);
  }
  return warnings;
}

function demandOf(job: JobRow, shadow: JobSpec, generation: number, applications: ApplicationRow[]): Demand {
  const application = applicationOf(shadowId(job.id, generation), shadow);
  const find = (wanted: string) => applications.find(({ name }) => name === wanted);
  return { application, spec: find(application)?.spec ?? shadowsOwnSpec(find(job.application)) };
}

/** A plan is made also while the master is away. */
async function shortageOf(room: Pick<Room, "shortage">, demand: Demand, before: Demand[]): Promise<string | null> {
  try {
    const shortage = await room.shortage(demand, null, before);
    if (shortage === null) return null;
    return `The cluster has no room for ${demand.application}: ${shortage}. What is to run there waits for resources, or takes those that live jobs need when they are started again.`;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return `Whether the cluster has room for ${demand.application} cannot be told: ${error.details.detail}`;
  }
}
