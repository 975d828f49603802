import { type FieldError, invalidRequest, Problem } from "../../domain/problem.ts";
import type { SpecChange } from "../../domain/specs/spec-change.ts";
import { StrictReader } from "../../domain/strict-reader.ts";

/** Which revision a change is meant for; `any` goes over whatever is there. */
export type ExpectedRevision = number | "any";

/** How a spec is to be changed. */
export interface ChangeRequest {
  expected: ExpectedRevision;
  /** the whole new spec, as it came */
  body: unknown;
  /** only say what would happen */
  dryRun: boolean;
  /** restart at once what has to be restarted for it */
  restart: boolean;
  /** save it although it does not fit on the cluster */
  force: boolean;
}

/** Reads a spec from a request. @throws Problem `invalid_request` with everything that is wrong */
export function readBody<S>(body: unknown, read: (reader: StrictReader) => S): S {
  const reader = new StrictReader(body, "body");
  const spec = read(reader);
  reader.refuseUnknownKeys();
  if (reader.complaints.length === 0) return spec;
  throw invalidRequest(reader.complaints.map(({ path, ...rest }): FieldError => ({ field: path, ...rest })));
}

/** @throws Problem `stale_revision` */
export function requireRevision(expected: ExpectedRevision, present: number, url: string): void {
  if (expected === "any" || expected === present) return;
  throw staleRevision(`revision ${expected}`, present, url);
}

export function staleRevision(meantFor: string, present: number, url: string): Problem {
  return new Problem({
    status: 412,
    code: "stale_revision",
    title: "The spec has changed meanwhile",
    detail: `The change was meant for ${meantFor} of the spec; the present one is ${present}.`,
    next: `GET ${url}, apply the change to what it answers, and send it with If-Match: "${present}".`,
  });
}

/** @throws Problem `needs_new_generation` for what the present checkpoints and tables cannot go on with */
export function refuseNewGeneration(changes: SpecChange[]): void {
  const refused = changes.filter((change) => change.needs === "newGeneration");
  if (refused.length === 0) return;
  const reasons = refused.map(({ field, from, to, note }) => {
    return `${field} (${JSON.stringify(from)} → ${JSON.stringify(to)}): ${note}`;
  });
  throw new Problem({
    status: 409,
    code: "needs_new_generation",
    title: "This change would break the job's checkpoint",
    detail: `Nothing was changed. ${reasons.join("; ")}.`,
    next: `Leave ${refused.map(({ field }) => field).join(", ")} as it is; to change it, declare a job with another id and tables of its own in the manifest, or begin anew with an empty state folder.`,
  });
}
