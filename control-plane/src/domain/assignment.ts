import type { WireRule } from "./dq/rule.ts";
import { checkpointPath } from "./layout.ts";
import type { ContractSpec, HousekeepingSpec, PipelineParameters } from "./manifest.ts";
import type { JobSpec } from "./specs/job-spec.ts";
import type { AssignmentSpec } from "./sync.ts";

/** What an assignment is composed from, beside the job itself. */
export interface AssignmentSite {
  pipeline: string;
  lakeDir: string;
  checkpointDir: string;
  kafka: { brokers: string; topic: string };
  registryUrl: string;
  contract: ContractSpec;
  /** the reader schema as JSON text */
  contractSchema: string;
  parameters: PipelineParameters;
  housekeeping: HousekeepingSpec;
  /** up to which version the ledger of the table in a folder below the lake is in the database; null while unknown */
  harvested(path: string): number | null;
  qualityRules: { revision: string; rows: WireRule[] };
  /** every job of the pipeline: who reads what decides which files must stay */
  jobs: Record<string, JobSpec>;
}

/**
 * Composes what a runner needs to run one job of one generation.
 * @param tables the generation's map of table to path relative to the lake
 */
export function composeSpec(
  site: AssignmentSite,
  job: string,
  spec: JobSpec,
  generation: number,
  tables: Record<string, string>,
): AssignmentSpec {
  const checkpoint = (id: string) => `${site.checkpointDir}/${checkpointPath(generation, id)}`;
  const readers = spec.writes.map((table) => {
    const ids = Object.keys(site.jobs).filter((id) => site.jobs[id]?.reads.includes(table));
    return [table, ids.map((id) => ({ job: id, checkpoint: checkpoint(id) }))] as const;
  });
  return {
    pipeline: site.pipeline,
    kind: spec.kind,
    triggerMs: spec.triggerMs,
    limits: spec.limits,
    options: spec.options,
    kafka: site.kafka,
    registry: { url: site.registryUrl, subject: site.contract.subject },
    contract: site.contractSchema,
    tables: Object.fromEntries(Object.entries(tables).map(([table, path]) => [table, `${site.lakeDir}/${path}`])),
    reads: spec.reads,
    writes: spec.writes,
    readers: Object.fromEntries(readers.filter(([, list]) => list.length > 0)),
    harvested: Object.fromEntries(
      spec.writes.map((table) => [table, tables[table] === undefined ? null : site.harvested(tables[table])]),
    ),
    overrides: [],
    overridesApplied: false,
    checkpoint: checkpoint(job),
    parameters: { ...site.parameters },
    housekeeping: { ...site.housekeeping },
    ...(spec.kind === "dq" ? { qualityRules: site.qualityRules } : {}),
  };
}
