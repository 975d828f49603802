import type { FieldError } from "../../domain/problem.ts";
import { DEDICATED } from "../../domain/specs/job-spec.ts";
import type { ApplicationRow } from "../rows.ts";

/** What is wrong with the application that a spec names; null when a job may move into it. */
export function applicationError(field: string, name: string, applications: ApplicationRow[]): FieldError | null {
  const shared = applications.filter(({ dedicated }) => !dedicated).map((application) => application.name);
  if (name === DEDICATED || shared.includes(name)) return null;
  return { field, value: name, expected: `${DEDICATED} (one of its own) or one of: ${shared.join(", ")}` };
}

/** Where to look for those that there are. */
export const APPLICATIONS_LISTED = "GET /v1/applications lists them.";
