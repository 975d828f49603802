import { generationOf } from "../../domain/layout.ts";
import { invalidRequest } from "../../domain/problem.ts";
import { type KafkaFeasibility, kafkaFeasibility, kafkaNotNeeded } from "../../domain/replay/feasibility.ts";
import { behindAll, hasPassed, listed, type OffsetVector, recordsBetween } from "../../domain/replay/offsets.ts";
import type { ReplayPlace, ReplayRequest } from "../../domain/replay/request.ts";
import type { ReplayScope } from "../../domain/replay/scope.ts";
import { type JobSpec, JUDGES } from "../../domain/specs/job-spec.ts";
import type { LedgerStore } from "../ledger.ts";
import type { Clock, Topics } from "../ports.ts";
import type { GenerationRow } from "../rows.ts";
import { resolveCut } from "./cut.ts";
import type { LiveFacts } from "./live-facts.ts";
import type { GenerationPositions } from "./ports.ts";
import { recordTimes, type TopicTimes } from "./record-times.ts";
import { offsetsGone, unsupportedReplay } from "./refusals.ts";

export interface SpanParts {
  topic: string;
  positions: GenerationPositions;
  /** what the tables' commits say */
  ledger: Pick<LedgerStore, "entries" | "harvested">;
  topics: Pick<Topics, "offsets" | "describe"> & TopicTimes;
  facts: LiveFacts;
  clock: Clock;
}

/** What a replay is of. */
export interface Replayed {
  scope: ReplayScope;
  specs: Readonly<Record<string, JobSpec>>;
  parent: GenerationRow;
}

/** Which records of the topic a replay reads, and which its rules are for. */
export interface Span {
  /** the first offset of the new generation */
  first: OffsetVector;
  /** the first offset that is read; what lies between is taken over */
  start: OffsetVector;
  /** the first offset for which its rules are not any more; null: they hold from now on */
  end: OffsetVector | null;
  /** what the live jobs have read */
  position: OffsetVector;
  kafka: KafkaFeasibility;
}

/** A retention that nobody declared is looked back for this long. */
const LOOK_BACK_MS = 30 * 86_400_000;

/** Finds where a replay begins and where its rules end, and whether that is still there. */
export class Spans {
  private readonly parts: SpanParts;

  constructor(parts: SpanParts) {
    this.parts = parts;
  }

  /** @throws Problem `invalid_request`, `replay_unsupported`, `offsets_gone`, and where Kafka or Postgres is away */
  async of(request: ReplayRequest, replayed: Replayed): Promise<Span> {
    const { topics, topic, facts } = this.parts;
    const { scope, specs, parent } = replayed;
    const ends = await topics.offsets(topic);
    const position = await this.positionOf(scope.jobs, specs, parent);
    const source = specs[request.job]?.reads[0];
    if (source === undefined) return { ...(await this.ofTopic(request, replayed, ends)), position };
    const first = await facts.firstOffsets(source);
    const at = (place: ReplayPlace, field: "body.from" | "body.to") =>
      this.cut(request.job, place, { field, source, first }, replayed);
    const start = request.from.kind === "beginning" ? first : await at(request.from, "body.from");
    const end = request.to === null ? null : await at(request.to, "body.to");
    if (end !== null) refuseEmpty(request, start, end);
    return { first, start, end, position, kafka: kafkaNotNeeded(ends) };
  }

  private async ofTopic(
    request: ReplayRequest,
    { scope, specs }: Replayed,
    ends: Awaited<ReturnType<Topics["offsets"]>>,
  ): Promise<Omit<Span, "position">> {
    const { topics, topic, facts, clock } = this.parts;
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
    return { first: start, start, end: null, kafka };
  }

  /** The offsets of a place in what a job reads. */
  private async cut(
    job: string,
    place: ReplayPlace,
    { field, source, first }: { field: "body.from" | "body.to"; source: string; first: OffsetVector },
    { specs, parent }: Replayed,
  ): Promise<OffsetVector> {
    const path = parent.tables[source] ?? "";
    const writers = Object.keys(specs).filter((id) => specs[id]?.writes.includes(source));
    const [read, written] = await Promise.all([job, ...writers].map((id) => this.positionOf([id], specs, parent)));
    const bounds = { first, read: read ?? {}, written: written ?? {} };
    if (Object.keys(bounds.read).length === 0) {
      throw unsupportedReplay(
        `${job} has read nothing yet: there is nothing to be taken over, or to be judged anew.`,
        `a replay of ${job} from the beginning, up to now`,
      );
    }
    const table = { name: source, path, generation: generationOf(path) ?? parent.number };
    return resolveCut(this.parts, place, { job, field, table, ...bounds });
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
}

function refuseEmpty({ to }: ReplayRequest, start: OffsetVector, end: OffsetVector): void {
  if (hasPassed(end, start) && recordsBetween(start, end) > 0n) return;
  const expected = `a place behind the one where the replay begins (${listed(start)}); this one is at ${listed(end)}`;
  throw invalidRequest([{ field: "body.to", value: to?.kind === "offsets" ? to.offsets : to, expected }]);
}
