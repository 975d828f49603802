import { createHash } from "node:crypto";
import { damagedTable } from "../../domain/delta/faults.ts";
import { generationOf } from "../../domain/layout.ts";
import type { PipelineParameters } from "../../domain/manifest.ts";
import { invalidRequest, Problem } from "../../domain/problem.ts";
import {
  diskFeasibility,
  estimateTime,
  type KafkaFeasibility,
  kafkaFeasibility,
  kafkaNotNeeded,
} from "../../domain/replay/feasibility.ts";
import { behindAll, type OffsetVector, recordsBetween } from "../../domain/replay/offsets.ts";
import {
  hashedText,
  plannedRules,
  type ReplayPlan,
  remakesSilver,
  ruleChanges,
  rulesOutOfReach,
} from "../../domain/replay/plan.ts";
import { type ReplayBody, type ReplayRequest, readReplayRequest } from "../../domain/replay/request.ts";
import { type ReplayScope, scopeOf, tablesOf } from "../../domain/replay/scope.ts";
import { type JobSpec, JUDGES } from "../../domain/specs/job-spec.ts";
import type { GenerationStore } from "../generations/ports.ts";
import type { LedgerStore } from "../ledger.ts";
import type { CatalogStore, Clock, Topics } from "../ports.ts";
import type { GenerationRow, JobRow } from "../rows.ts";
import type { Room } from "../specs/room.ts";
import { resolveCut } from "./cut.ts";
import type { LiveFacts } from "./live-facts.ts";
import type { GenerationPositions } from "./ports.ts";
import { recordTimes, type TopicTimes } from "./record-times.ts";
import { noSpace, offsetsGone, schemaUnreadable, unsupportedReplay } from "./refusals.ts";
import { plannedSpec, refuseShadowSpecs, roomWarnings } from "./shadow-specs.ts";
import { refuseUnbuilt } from "./unbuilt.ts";
import { inheritedText, warningsOf } from "./warnings.ts";

export interface PlannerParts {
  pipeline: string;
  topic: string;
  subject: string;
  /** the rules that the manifest declares */
  declared: Partial<PipelineParameters>;
  catalog: CatalogStore;
  generations: Pick<GenerationStore, "nextNumber">;
  positions: GenerationPositions;
  /** what the tables' commits say */
  ledger: Pick<LedgerStore, "entries" | "harvested">;
  topics: Pick<Topics, "offsets" | "describe"> & TopicTimes;
  facts: LiveFacts;
  /** numbers of the overrides that a replay of silver applies */
  standingOverrides: () => Promise<number[]>;
  /** of these schema ids, those that the registry does not know */
  unknownSchemas: (ids: readonly number[]) => Promise<number[]>;
  freeBytes: () => Promise<bigint>;
  room: Pick<Room, "shortage">;
  clock: Clock;
}

export interface Planned {
  request: ReplayRequest;
  plan: ReplayPlan;
  hash: string;
}

/** A retention that nobody declared is looked back for this long. */
const LOOK_BACK_MS = 30 * 86_400_000;

/** Says what a replay would do and what it takes; refuses what cannot be done. */
export class ReplayPlanner {
  private readonly parts: PlannerParts;

  constructor(parts: PlannerParts) {
    this.parts = parts;
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
    refuseUnbuilt(body, job);
    const scope = scopeOf(job.id, specs, Object.keys(parent.tables));
    refuseRules(request, remakesSilver(scope, specs));
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
    const source = specs[request.job]?.reads[0] ?? null;
    const { first, start, kafka } = await this.start(request, source, specs, scope, parent);
    const position = await this.positionOf(scope.jobs, specs, parent);
    const end = kafka.needed ? kafka.latest : position;
    // Whoever reads what the replayed job makes reads what it has taken over as well.
    const rows = Object.fromEntries(
      scope.jobs.map((id) => [id, recordsBetween(id === request.job ? start : first, end)]),
    );
    await this.refuseGaps(scope, specs);
    const disk = await this.disk(scope, specs);
    if (silver) await this.refuseUnreadable(scope, specs);
    const rates = await Promise.all(scope.jobs.map(async (id) => [id, await facts.bestBatch(id)] as const));
    const rules = plannedRules(parent.rules, declared, request.rules, silver);
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
      position,
      rules: { stored: rules, changes: ruleChanges(parent.rules, rules) },
      overrides: { count: overrides.length, numbers: overrides },
      kafka,
      disk,
      time: estimateTime(rows, Object.fromEntries(rates)),
      warnings: [
        ...warningsOf(request, kafka, start, jobs, scope),
        ...(await roomWarnings(request.specs, generation, jobs, this.parts)),
        ...inheritedText(recordsBetween(first, start), start, parent.number),
      ],
    };
  }

  /** Where the replay begins, after which records that it takes over, and whether that is still there. */
  private async start(
    request: ReplayRequest,
    source: string | null,
    specs: Readonly<Record<string, JobSpec>>,
    scope: ReplayScope,
    parent: GenerationRow,
  ): Promise<{ first: OffsetVector; start: OffsetVector; kafka: KafkaFeasibility }> {
    const { topics, topic, facts, clock } = this.parts;
    const ends = await topics.offsets(topic);
    if (source !== null) {
      const first = await facts.firstOffsets(source);
      const start = request.from.kind === "beginning" ? first : await this.cut(request, source, first, specs, parent);
      return { first, start, kafka: kafkaNotNeeded(ends) };
    }
    const earliest = Object.fromEntries(
      [...ends].map(([partition, { earliest: at }]) => [String(partition), String(at)]),
    );
    const start = await this.startInTopic(request, earliest);
    const retentionMs = Number((await topics.describe(topic))?.retentionMs ?? -1);
    const isBounded = retentionMs >= 0;
    const now = clock.now();
    const times = await recordTimes(topics, topic, start, now, isBounded ? retentionMs * 2 : LOOK_BACK_MS);
    const kafka = kafkaFeasibility(start, ends, times, isBounded ? retentionMs : null);
    const silver = Object.keys(specs).find((id) => specs[id]?.kind === JUDGES) ?? "the job after it";
    if (kafka.missing.length > 0) throw offsetsGone(silver, kafka);
    if (request.from.kind === "beginning") {
      // All of it is asked for: what bronze has and Kafka has not would be lost.
      const first = await facts.firstOffsets(scope.rebuilt[0] ?? "");
      const whole = kafkaFeasibility({ ...start, ...first }, ends, {}, null);
      if (whole.missing.length > 0) throw offsetsGone(silver, whole);
    }
    return { first: start, start, kafka };
  }

  /** Where a replay of the job that judges records begins in the middle. */
  private async cut(
    { job, from }: ReplayRequest,
    source: string,
    first: OffsetVector,
    specs: Readonly<Record<string, JobSpec>>,
    parent: GenerationRow,
  ): Promise<OffsetVector> {
    const path = parent.tables[source] ?? "";
    const bounds = { first, read: await this.positionOf([job], specs, parent) };
    if (Object.keys(bounds.read).length === 0) {
      throw unsupportedReplay(
        `${job} has read nothing yet: there is nothing to be taken over.`,
        `a replay of ${job} from the beginning, up to now`,
      );
    }
    const table = { name: source, path, generation: generationOf(path) ?? parent.number };
    return resolveCut(this.parts, from, { job, table, ...bounds });
  }

  private async startInTopic({ from }: ReplayRequest, earliest: OffsetVector): Promise<OffsetVector> {
    const { topics, topic } = this.parts;
    if (from.kind === "offsets") {
      const [given, known] = [Object.keys(from.offsets), Object.keys(earliest)];
      if (given.length === known.length && known.every((partition) => given.includes(partition))) return from.offsets;
      const expected = `one offset for each partition of ${topic}: ${known.join(", ")}`;
      throw invalidRequest([{ field: "body.from.offsets", value: from.offsets, expected }]);
    }
    if (from.kind !== "timestamp") return earliest;
    const found = await topics.offsetsAt(topic, Date.parse(from.timestamp));
    return Object.fromEntries([...found].map(([partition, offset]) => [String(partition), String(offset)]));
  }

  private async positionOf(
    jobs: readonly string[],
    specs: Readonly<Record<string, JobSpec>>,
    parent: GenerationRow,
  ): Promise<OffsetVector> {
    const positions = await Promise.all(
      jobs.map((job) => {
        const writes = specs[job]?.writes ?? [];
        const generation = generationOf(parent.tables[writes[0] ?? ""] ?? "") ?? parent.number;
        return this.parts.positions.position(job, generation, writes);
      }),
    );
    return behindAll(positions.map((position) => position?.through ?? {}));
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

function refuseRules({ rules, job }: ReplayRequest, silver: boolean): void {
  const errors = rulesOutOfReach(rules, silver).map((name) => ({
    field: `body.rules.${name.replace(/Ms$/, "")}`,
    value: rules[name as keyof PipelineParameters],
    expected: `none: ${job} reads rows that this rule has decided already; replay the job that writes silver`,
  }));
  if (errors.length > 0) throw invalidRequest(errors);
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
