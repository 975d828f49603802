import type { FieldError } from "../problem.ts";
import type { JobSpec } from "../specs/job-spec.ts";
import { readShadowSpec, type ShadowSpecText } from "../specs/shadow-spec.ts";
import type { Complaint } from "../strict-reader.ts";

/** In what the specs of shadow jobs differ, by the ids of the jobs that they shadow. */
export type ShadowSpecs = Record<string, ShadowSpecText>;

/** Reads `specs` of a request. @param jobs all jobs of the pipeline */
export function readShadowSpecs(
  specs: Record<string, object>,
  jobs: Readonly<Record<string, JobSpec>>,
  errors: FieldError[],
): ShadowSpecs {
  const read = Object.entries(specs).map(([job, given]) => {
    const spec = Object.hasOwn(jobs, job) ? jobs[job] : undefined;
    if (spec === undefined) {
      const expected = `jobs of the pipeline: ${Object.keys(jobs).join(", ")}`;
      errors.push({ field: "body.specs", value: job, expected });
      return [job, {}];
    }
    const complaints: Complaint[] = [];
    const differing = readShadowSpec(given, `body.specs.${job}`, job, spec, complaints);
    errors.push(...complaints.map(({ path, ...said }) => ({ field: path, ...said })));
    return [job, differing];
  });
  return Object.fromEntries(read);
}

/** Specs of shadows that the replay does not have, because it does not make anew what these jobs write. */
export function specsOutOfScope(specs: ShadowSpecs, replayed: readonly string[]): FieldError[] {
  return Object.keys(specs)
    .filter((job) => !replayed.includes(job))
    .map((job) => {
      const expected = `jobs that this replay makes anew: ${replayed.join(", ")}`;
      return { field: "body.specs", value: job, expected };
    });
}
