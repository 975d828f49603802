import { type Complaint, StrictReader } from "../strict-reader.ts";
import { applicationOf, type JobSpec, type JobSpecText, readJobSpec, writeJobSpec } from "./job-spec.ts";
import { FIXED_JOB_FIELDS, jobChanges, type SpecChange } from "./spec-change.ts";

/** In which a shadow job may differ from the job that it shadows. */
const SHADOW_FIELDS = ["application", "trigger", "limits", "options", "restart", "drainTimeout"] as const;
type ShadowField = (typeof SHADOW_FIELDS)[number];

/** Of these the entries that are named differ, and the others stay; any other field is given as a whole. */
const MAPS: readonly string[] = ["limits", "options", "restart"];

/** What of the spec of a shadow differs, as people write specs. */
export type ShadowSpecText = Partial<Omit<Pick<JobSpecText, ShadowField>, "restart">> & {
  restart?: Partial<JobSpecText["restart"]>;
};

/** A field of a shadow's spec that is not as the job that it shadows has it. */
export type ShadowChange = Pick<SpecChange, "field" | "from" | "to">;

/**
 * Reads in what the spec of a shadow differs; what is wrong becomes complaints, as for a spec of a job.
 * @param spec of the job with this id
 */
export function readShadowSpec(
  given: object,
  path: string,
  job: string,
  spec: JobSpec,
  complaints: Complaint[],
): ShadowSpecText {
  const fields = Object.entries(given);
  const isFixed = (field: string) => (FIXED_JOB_FIELDS as string[]).includes(field);
  for (const [field, value] of fields.filter(([name]) => isFixed(name))) {
    const expected =
      "none: with another kind, other sources or other tables it would be another pipeline, and no replay of this one";
    complaints.push({ path: `${path}.${field}`, value, expected });
  }
  const differing = Object.fromEntries(fields.filter(([name]) => !isFixed(name)));
  new StrictReader(differing, path, complaints).refuseUnknownKeys(SHADOW_FIELDS);
  const whole = readJobSpec(new StrictReader(merged(job, spec, differing), path, complaints));
  return partOf(writeJobSpec(whole), differing);
}

/**
 * The spec with which a shadow of a job runs. Without a word of it, it is in the application that the job is in, also
 * where that is the job's own.
 */
export function shadowSpec(job: string, spec: JobSpec, differing: ShadowSpecText = {}): JobSpec {
  return readJobSpec(new StrictReader(merged(job, spec, differing)));
}

/** In which fields the spec of a shadow is not that of the job that it shadows. */
export function shadowChanges(job: string, spec: JobSpec, shadow: JobSpec): ShadowChange[] {
  return jobChanges({ ...spec, application: applicationOf(job, spec) }, shadow).map(({ field, from, to }) => ({
    field,
    from,
    to,
  }));
}

function merged(job: string, spec: JobSpec, differing: ShadowSpecText): JobSpecText {
  const text = writeJobSpec({ ...spec, application: applicationOf(job, spec) });
  return {
    ...text,
    ...differing,
    limits: { ...text.limits, ...differing.limits },
    options: { ...text.options, ...differing.options },
    restart: { ...text.restart, ...differing.restart },
  };
}

/** The fields, and the entries, that are named in what was given. */
function partOf(text: JobSpecText, given: Record<string, unknown>): ShadowSpecText {
  const named = SHADOW_FIELDS.filter((field) => given[field] !== undefined);
  return Object.fromEntries(
    named.map((field) => {
      if (!MAPS.includes(field)) return [field, text[field]];
      const entries = text[field] as Record<string, unknown>;
      return [field, Object.fromEntries(Object.keys(given[field] as object).map((name) => [name, entries[name]]))];
    }),
  );
}
