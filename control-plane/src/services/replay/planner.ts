import { createHash } from "node:crypto";
import { damagedTable } from "../../domain/delta/faults.ts";
import type { PipelineParameters } from "../../domain/manifest.ts";
import { invalidRequest, Problem } from "../../domain/problem.ts";
import { diskFeasibility, estimateTime } from "../../domain/replay/feasibility.ts";
import { recordsBetween } from "../../domain/replay/offsets.ts";
import { hashedText, type ReplayPlan, remakesSilver } from "../../domain/replay/plan.ts";
import { type ReplayBody, type ReplayRequest, readReplayRequest } from "../../domain/replay/request.ts";
import { ruleChanges } from "../../domain/replay/rules.ts";
import { type ReplayScope, scopeOf, tablesOf } from "../../domain/replay/scope.ts";
import { type JobSpec, JUDGES } from "../../domain/specs/job-spec.ts";
import type { GenerationStore } from "../generations/ports.ts";
import type { CatalogStore } from "../ports.ts";
import type { GenerationRow, JobRow } from "../rows.ts";
import type { Room } from "../specs/room.ts";
import { newRules, refuseRulesOutOfReach } from "./new-rules.ts";
import { noSpace, schemaUnreadable } from "./refusals.ts";
import { plannedSpec, refuseShadowSpecs, roomWarnings } from "./shadow-specs.ts";
import { type SpanParts, Spans } from "./span.ts";
import { refuseUnsupported } from "./unsupported.ts";
import { endText, inheritedText, stretchText, warningsOf } from "./warnings.ts";

export interface PlannerParts extends SpanParts {
  pipeline: string;
  subject: string;
  /** the rules that the manifest declares */
  declared: Partial<PipelineParameters>;
  catalog: CatalogStore;
  generations: Pick<GenerationStore, "nextNumber">;
  /** numbers of the overrides that a replay of silver applies */
  standingOverrides: () => Promise<number[]>;
  /** of these schema ids, those that the registry does not know */
  unknownSchemas: (ids: readonly number[]) => Promise<number[]>;
  freeBytes: () => Promise<bigint>;
  room: Pick<Room, "shortage">;
}

export interface Planned {
  request: ReplayRequest;
  plan: ReplayPlan;
  hash: string;
}

/** Says what a replay would do and what it takes; refuses what cannot be done. */
export class ReplayPlanner {
  private readonly parts: PlannerParts;
  private readonly spans: Spans;

  constructor(parts: PlannerParts) {
    this.parts = parts;
    this.spans = new Spans(parts);
  }

  /**
   * @throws Problem `invalid_request`, `unknown_job`, `replay_unsupported`, `offsets_gone`, `schema_unreadable`, `no_space`,
   *   and where Kafka, the registry or Postgres is away
   */
  async plan(body: ReplayBody): Promise<Planned> {
    const { catalog, pipeline, clock } = this.parts;
    const [rows, parent] = await Promise.all([catalog.jobs(), catalog.liveGeneration(pipeline)]);
    const jobs = rows.filter(({ shadowOf }) => shadowOf === null);
    const specs = Object.fromEntries(jobs.map(({ id, spec }) => [id, spec]));
    const job = jobs.find(({ id }) => id === body.job);
    if (job === undefined || parent === null) throw unknownJob(body.job, Object.keys(specs));
    const read = readReplayRequest(body, specs, clock.now());
    if ("errors" in read) throw invalidRequest(read.errors);
    const { request } = read;
    refuseUnsupported(body, job);
    const scope = scopeOf(job.id, specs, Object.keys(parent.tables));
    refuseRulesOutOfReach(request, remakesSilver(scope, specs));
    await refuseShadowSpecs(request.specs, scope.jobs, catalog);
    const plan = await this.compose(request, scope, jobs, parent);
    return { request, plan, hash: createHash("sha256").update(hashedText(request, plan)).digest("hex").slice(0, 32) };
  }

  private async compose(
    request: ReplayRequest,
    scope: ReplayScope,
    jobs: JobRow[],
    parent: GenerationRow,
  ): Promise<ReplayPlan> {
    const { pipeline, generations, facts, declared } = this.parts;
    const specs = Object.fromEntries(jobs.map(({ id, spec }) => [id, spec]));
    const silver = remakesSilver(scope, specs);
    const generation = await generations.nextNumber(pipeline);
    const tables = tablesOf(generation, parent.tables, scope);
    const span = await this.spans.of(request, { scope, specs, parent });
    const { first, start, end, position, kafka } = span;
    const through = kafka.needed ? kafka.latest : position;
    // Whoever reads what the replayed job makes reads what it has taken over as well.
    const rows = Object.fromEntries(
      scope.jobs.map((id) => [id, recordsBetween(id === request.job ? start : first, through)]),
    );
    await this.refuseGaps(scope, specs);
    const disk = await this.disk(scope, specs);
    if (silver) await this.refuseUnreadable(scope, specs);
    const rates = await Promise.all(scope.jobs.map(async (id) => [id, await facts.bestBatch(id)] as const));
    const sources = { parent: parent.rules, declared, remakesSilver: silver };
    const rules = newRules(request, span, sources);
    const overrides = silver ? await this.parts.standingOverrides() : [];
    return {
      pipeline,
      job: request.job,
      generation,
      parent: parent.number,
      jobs: scope.jobs.flatMap((id) => {
        const job = jobs.find((each) => each.id === id);
        return job === undefined ? [] : { job: id, rows: String(rows[id] ?? 0n), ...plannedSpec(job, request.specs) };
      }),
      tables: scope.rebuilt.map((table) => ({ table, from: parent.tables[table] ?? "", to: tables[table] ?? "" })),
      shared: scope.shared.map((table) => ({ table, path: parent.tables[table] ?? "" })),
      start,
      end,
      position,
      rules: { stored: rules, changes: ruleChanges(parent.rules, rules) },
      overrides: { count: overrides.length, numbers: overrides },
      kafka,
      disk,
      time: estimateTime(rows, Object.fromEntries(rates)),
      warnings: [
        ...warningsOf(request, kafka, start, jobs, scope),
        ...(await roomWarnings(request.specs, generation, jobs, this.parts)),
        ...(end === null ? [] : endText(end, rules, declared, request.rules)),
        ...(silver ? stretchText(rules, span) : []),
        ...inheritedText(recordsBetween(first, start), start, parent.number),
      ],
    };
  }

  /** What is read has to be there, file by file: a replay that meets a gap has read for nothing. */
  private async refuseGaps(scope: ReplayScope, specs: Readonly<Record<string, JobSpec>>): Promise<void> {
    const read = new Set(scope.jobs.flatMap((job) => specs[job]?.reads ?? []));
    for (const table of scope.shared.filter((each) => read.has(each))) {
      const missing = await this.parts.facts.missingFile(table);
      if (missing !== null) throw damagedTable(table, `its data file ${missing} is gone`);
    }
  }

  private async disk(scope: ReplayScope, specs: Readonly<Record<string, JobSpec>>) {
    const { facts, freeBytes } = this.parts;
    // Whoever begins anew reads an ordered copy of what its source has, in turn: the logs that say the order are cleaned up.
    const sources = new Set(scope.jobs.flatMap((job) => specs[job]?.reads ?? []));
    const sizesOf = (tables: Iterable<string>) => Promise.all([...tables].map((table) => facts.size(table)));
    const disk = diskFeasibility(await sizesOf(scope.rebuilt), await sizesOf(sources), await freeBytes());
    if (!disk.enough) throw noSpace(disk);
    return disk;
  }

  private async refuseUnreadable(scope: ReplayScope, specs: Readonly<Record<string, JobSpec>>): Promise<void> {
    const { facts, unknownSchemas, subject } = this.parts;
    const table = scope.jobs.map((job) => specs[job]).find((spec) => spec?.kind === JUDGES)?.writes[0];
    if (table === undefined) return;
    const unknown = await unknownSchemas(await facts.writerSchemas(table));
    if (unknown.length > 0) throw schemaUnreadable(unknown, subject);
  }
}

function unknownJob(id: string, known: string[]): Problem {
  return new Problem({
    status: 404,
    code: "unknown_job",
    title: "No such job",
    detail: `There is no job ${JSON.stringify(id)}.`,
    next: `Known jobs: ${known.join(", ") || "none yet"}.`,
  });
}
