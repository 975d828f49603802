import type { ApplicationSpec } from "../../domain/specs/application-spec.ts";
import type { JobSpec } from "../../domain/specs/job-spec.ts";
import type { AuditEntry } from "../rows.ts";

/** A new spec for the one that has `revision` now; saved together with its audit entry, or not at all. */
export interface NewSpec<S> {
  of: string;
  revision: number;
  spec: S;
  audit: AuditEntry;
}

export interface NewJobSpec extends NewSpec<JobSpec> {
  pipeline: string;
  /** application that the spec leads to */
  application: string;
  /** what a dedicated application begins with; null where the spec names another */
  dedicated: ApplicationSpec | null;
}

/** Specs as people change them. */
export interface SpecStore {
  /** @returns the new revision; null when another change was faster */
  saveJob(change: NewJobSpec): Promise<number | null>;
  saveApplication(change: NewSpec<ApplicationSpec>): Promise<number | null>;
}
