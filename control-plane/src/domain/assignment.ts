import type { WireRule } from "./dq/rule.ts";
import { checkpointPath } from "./layout.ts";
import type { ContractSpec, HousekeepingSpec, PipelineParameters } from "./manifest.ts";
import { type JobSpec, JUDGES } from "./specs/job-spec.ts";
import { type GenerationRules, reach } from "./specs/rules.ts";
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
  /** every job that may run: who reads what decides which files must stay */
  jobs: readonly PlacedJob[];
}

/** A job, or a shadow job, with where it works. */
export interface PlacedJob {
  /** `sales.silver@2` of a shadow */
  id: string;
  /** the name by which runners, ledger entries and checkpoints know it: of a shadow that of the job it shadows */
  job: string;
  /** of its tables and its checkpoint */
  generation: number;
  /** table to folder below the lake */
  tables: Readonly<Record<string, string>>;
  /** those that decide about its rows, beside those of the pipeline */
  rules: GenerationRules;
  start: Record<string, string> | null;
  /** folder below the lake whose rows before `start` its generation has taken over */
  inherits: string | null;
  held: string | null;
  spec: JobSpec;
}

/** Of what the cores give: a shadow takes what the jobs of the live generation leave. */
const WEIGHTS = { live: 8, shadow: 1 };

/**
 * Composes what a runner needs to run one job.
 * @param spec that its run was opened with
 */
export function composeSpec(site: AssignmentSite, placed: PlacedJob, spec: JobSpec): AssignmentSpec {
  const { id, job, tables, held } = placed;
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
    readers: readersOf(site, spec.writes, tables),
    harvested: Object.fromEntries(
      spec.writes.map((table) => [table, tables[table] === undefined ? null : site.harvested(tables[table])]),
    ),
    overrides: [],
    overridesApplied: false,
    checkpoint: checkpointOf(site, placed),
    start: startOf(site, placed, spec),
    pace: { weight: id === job ? WEIGHTS.live : WEIGHTS.shadow, held },
    // A generation that an older release made says nothing of aliases: it has none.
    parameters: { ...site.parameters, aliases: {}, ...placed.rules, ...reachOf(site, placed, spec) },
    housekeeping: { ...site.housekeeping },
    ...(spec.kind === "dq" ? { qualityRules: site.qualityRules } : {}),
  };
}

/** Of the generation's jobs only that one begins elsewhere which the replay was of; those downstream read all that it has. */
function startOf({ lakeDir }: AssignmentSite, { start, inherits }: PlacedJob, spec: JobSpec): AssignmentSpec["start"] {
  if (start === null) return null;
  if (inherits === null) return spec.reads.length === 0 ? { offsets: start } : null;
  return spec.kind === JUDGES ? { offsets: start, inherits: `${lakeDir}/${inherits}` } : null;
}

/**
 * How far from its append time an event can lie with whoever reads what a reader of the topic writes: as long as that it has to say how
 * far it is, though nothing comes. Its own generation may be an older one with shorter times.
 */
function reachOf(site: AssignmentSite, { tables }: PlacedJob, { reads, writes }: JobSpec) {
  if (reads.length > 0) return {};
  const readers = writes.flatMap((table) => whoReads(site, table, tables));
  return readers.length === 0 ? {} : reach(readers.map(({ rules }) => ({ ...site.parameters, ...rules })));
}

/** Who streams from a folder, whichever generations share it. */
function readersOf(site: AssignmentSite, writes: readonly string[], tables: PlacedJob["tables"]) {
  const readers = writes.map((table) => {
    const found = whoReads(site, table, tables);
    return [table, found.map((reader) => ({ job: reader.id, checkpoint: checkpointOf(site, reader) }))] as const;
  });
  return Object.fromEntries(readers.filter(([, found]) => found.length > 0));
}

/** Jobs that read the folder which a table has by this map. */
function whoReads({ jobs }: AssignmentSite, table: string, tables: PlacedJob["tables"]): PlacedJob[] {
  return jobs.filter(({ spec, tables: seen }) =>
    spec.reads.some((read) => seen[read] !== undefined && seen[read] === tables[table]),
  );
}

function checkpointOf({ checkpointDir }: AssignmentSite, { job, generation }: PlacedJob): string {
  return `${checkpointDir}/${checkpointPath(generation, job)}`;
}
