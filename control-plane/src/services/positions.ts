import { lagByPartition, type PartitionLag, type Position, type TopicOffsets, totalLag } from "../domain/lag.ts";
import { type SourceProblem, topicProblem } from "../domain/topic-problem.ts";
import { type Placement, placer } from "./placement.ts";
import type { CatalogStore, Clock, EventStore } from "./ports.ts";
import type { JobRow, LedgerRow } from "./rows.ts";
import type { TopicWatch } from "./topic-watch.ts";

export interface JobOffsets {
  job: string;
  topic: string;
  partitions: PartitionLag[];
  caughtUp: boolean;
  /** the topic is not the one that the job has read from; null when it is */
  problem: SourceProblem | null;
}

/** Where jobs stand in the topic, from the newest entries of their ledgers. */
export class Positions {
  private readonly watch: TopicWatch;
  private readonly events: EventStore;
  private readonly catalog: CatalogStore;
  private readonly topic: string;
  private readonly pipeline: string;
  private readonly clock: Clock;

  constructor(deps: {
    watch: TopicWatch;
    events: EventStore;
    catalog: CatalogStore;
    topic: string;
    pipeline: string;
    clock: Clock;
  }) {
    this.watch = deps.watch;
    this.events = deps.events;
    this.catalog = deps.catalog;
    this.topic = deps.topic;
    this.pipeline = deps.pipeline;
    this.clock = deps.clock;
  }

  /** @throws Problem when Kafka or Postgres is away */
  async offsets(job: JobRow): Promise<JobOffsets> {
    // The ledger first: a position can then never be ahead of the topic.
    const entry = await this.newest(job, (await this.placements())(job), null);
    const topic = await this.partitions();
    const position = this.toPosition(entry);
    const partitions = lagByPartition(topic, position, this.clock.now(), this.emptyBeyond);
    const problem = topicProblem(this.topic, topic, position?.through ?? {});
    const caughtUp = partitions.every((partition) => partition.committed !== null && partition.lagRecords === "0");
    return { job: job.id, topic: this.topic, partitions, caughtUp: caughtUp && problem === null, problem };
  }

  /** None where the topic does not exist. */
  private async partitions(): Promise<TopicOffsets> {
    try {
      return await this.watch.latest();
    } catch (error) {
      if (await this.watch.isMissing()) return new Map();
      throw error;
    }
  }

  /** Lag in all; null where it cannot be told, because Kafka is away or nothing has been committed. */
  async lag(job: JobRow, at: Placement): Promise<{ records: string | null; seconds: number | null }> {
    const entry = await this.newest(job, at, null);
    const topic = await this.watch.latest().catch(() => null);
    if (topic === null) return { records: null, seconds: null };
    return totalLag(lagByPartition(topic, this.toPosition(entry), this.clock.now(), this.emptyBeyond));
  }

  /** Lag per partition by what Kafka said last; null when that is too long ago. */
  async currentLag(job: JobRow, at: Placement): Promise<PartitionLag[] | null> {
    const entry = await this.newest(job, at, null);
    const topic = this.watch.current();
    return topic && lagByPartition(topic, this.toPosition(entry), this.clock.now(), this.emptyBeyond);
  }

  /** Whether a job has counted all there is, by what Kafka said last; null where that cannot be told. */
  async caughtUp(id: string): Promise<boolean | null> {
    const job = (await this.catalog.jobs()).find((each) => each.id === id);
    const lag = job === undefined ? null : await this.currentLag(job, (await this.placements())(job));
    return lag === null ? null : lag.every(({ lagRecords }) => lagRecords === "0");
  }

  /** Kafka has answered a moment ago. */
  isCurrent(): boolean {
    return this.watch.current() !== null;
  }

  async lastBatch(job: JobRow, at: Placement): Promise<LedgerRow | null> {
    return this.newest(job, at, "batch");
  }

  /** Where each job works at this moment. */
  async placements(): Promise<(job: JobRow) => Placement> {
    return placer(await this.catalog.generations(this.pipeline));
  }

  private readonly emptyBeyond = (partition: number, offset: bigint) => this.watch.emptyBeyond(partition, offset);

  private async newest(job: JobRow, at: Placement, kind: string | null): Promise<LedgerRow | null> {
    const table = job.spec.writes[0];
    return table === undefined ? null : this.events.newestEntry(at.job, at.generation, table, kind);
  }

  private toPosition(row: LedgerRow | null): Position | null {
    if (row === null) return null;
    const { through, lowWatermark, lastTimestamps } = row.entry as {
      through?: Record<string, Record<string, string>>;
      lowWatermark?: string | null;
      lastTimestamps?: Record<string, string>;
    };
    return {
      through: through?.[this.topic] ?? {},
      lowWatermark: lowWatermark ?? null,
      lastTimestamps: lastTimestamps ?? {},
    };
  }
}
