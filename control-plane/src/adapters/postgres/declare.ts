import { MANIFEST_ACTOR } from "../../domain/access.ts";
import type { Manifest } from "../../domain/manifest.ts";
import type { ApplicationSpec } from "../../domain/specs/application-spec.ts";
import { type Kept, mergeDeclaration } from "../../domain/specs/declaration.ts";
import { dedicatedSpec } from "../../domain/specs/dedicated.ts";
import { applicationOf, DEDICATED, type JobSpec, writeJobSpec } from "../../domain/specs/job-spec.ts";
import { FIXED_JOB_FIELDS } from "../../domain/specs/spec-change.ts";
import type { AuditEntry } from "../../services/rows.ts";
import { insertAudit } from "./audit.ts";
import type { Queryable } from "./database.ts";
import { insertEvents } from "./journal.ts";

/** Saves the applications and jobs of a manifest. @returns what of it was not taken, as sentences */
export async function declareSpecs(tx: Queryable, manifest: Manifest): Promise<string[]> {
  for (const [name, spec] of Object.entries(manifest.applications)) await declareApplication(tx, manifest, name, spec);
  const warnings: string[] = [];
  for (const [id, spec] of Object.entries(manifest.jobs)) warnings.push(...(await declareJob(tx, manifest, id, spec)));
  return warnings;
}

async function declareApplication(tx: Queryable, manifest: Manifest, name: string, spec: ApplicationSpec) {
  const [kept] = await tx.query<Kept<ApplicationSpec> & { revision: number }>(
    "SELECT spec, declared, revision FROM applications WHERE name = $1 FOR NO KEY UPDATE",
    [name],
  );
  if (kept === undefined) {
    await tx.query("INSERT INTO applications (name, pipeline, spec, declared) VALUES ($1, $2, $3, $3)", [
      name,
      manifest.name,
      spec,
    ]);
    return;
  }
  const merged = mergeDeclaration(kept, spec, []);
  const revision = kept.revision + (merged.changed.length > 0 ? 1 : 0);
  await tx.query("UPDATE applications SET spec = $2, declared = $3, dedicated = false, revision = $4 WHERE name = $1", [
    name,
    merged.spec,
    merged.declared,
    revision,
  ]);
  if (revision === kept.revision) return;
  await recordChange(tx, auditOf("application.spec", name, kept.spec, merged.spec), revision);
}

async function declareJob(tx: Queryable, manifest: Manifest, id: string, spec: JobSpec): Promise<string[]> {
  const [kept] = await tx.query<Kept<JobSpec> & { revision: number; epoch: number }>(
    "SELECT spec, declared, revision, epoch FROM jobs WHERE id = $1 FOR NO KEY UPDATE",
    [id],
  );
  if (kept === undefined) {
    await ensureDedicated(tx, manifest, id, spec);
    await tx.query(
      `INSERT INTO jobs (id, pipeline, application, spec, declared, desired) VALUES ($1, $2, $3, $4, $4, 'running')`,
      [id, manifest.name, applicationOf(id, spec), spec],
    );
    return [];
  }
  // A job that never ran has no checkpoint that could be hurt.
  const merged = mergeDeclaration(kept, spec, kept.epoch > 0 ? FIXED_JOB_FIELDS : []);
  await ensureDedicated(tx, manifest, id, merged.spec);
  const revision = kept.revision + (merged.changed.length > 0 ? 1 : 0);
  await tx.query("UPDATE jobs SET application = $2, spec = $3, declared = $4, revision = $5 WHERE id = $1", [
    id,
    applicationOf(id, merged.spec),
    merged.spec,
    merged.declared,
    revision,
  ]);
  if (revision > kept.revision) {
    const entry = auditOf("job.spec", id, writeJobSpec(kept.spec), writeJobSpec(merged.spec));
    await recordChange(tx, entry, revision);
  }
  return merged.ignored.map((field) => `job ${id}: the manifest's ${field} needs a new generation and is ignored`);
}

async function ensureDedicated(tx: Queryable, manifest: Manifest, job: string, spec: JobSpec): Promise<void> {
  if (spec.application !== DEDICATED) return;
  await insertDedicated(tx, job, manifest.name, dedicatedSpec(Object.values(manifest.applications)[0]));
}

/** Gives a job an application of its own; one that it had before stays as it is. */
export async function insertDedicated(
  tx: Queryable,
  job: string,
  pipeline: string,
  spec: ApplicationSpec,
): Promise<void> {
  await tx.query(
    `INSERT INTO applications (name, pipeline, spec, declared, dedicated) VALUES ($1, $2, $3, $3, true)
     ON CONFLICT (name) DO NOTHING`,
    [job, pipeline, spec],
  );
}

/** Tells the audit log and the journal of a changed spec; belongs into the transaction of the change. */
export async function recordChange(tx: Queryable, entry: AuditEntry, revision: number): Promise<void> {
  await insertAudit(tx, entry);
  const data = { by: entry.actor, revision };
  await insertEvents(tx, [{ type: "spec.changed", subjects: [entry.target], data }]);
}

function auditOf(action: string, target: string, before: object, after: object): AuditEntry {
  return { actor: MANIFEST_ACTOR, action, target, requestId: null, before, after };
}
