import { lagByPartition, type PartitionLag, type Position, type TopicOffsets, totalLag } from "../domain/lag.ts";
import type { CatalogStore, Clock, EventStore, JobRow, LedgerRow, Topics } from "./ports.ts";

export interface JobOffsets {
  job: string;
  topic: string;
  partitions: PartitionLag[];
  caughtUp: boolean;
}

const TOPIC_FRESH_MS = 500;

/** Where jobs stand in the topic, from the newest entries of their ledgers. */
export class Positions {
  private readonly topics: Topics;
  private readonly events: EventStore;
  private readonly catalog: CatalogStore;
  private readonly topic: string;
  private readonly pipeline: string;
  private readonly clock: Clock;
  private cached: { at: number; offsets: Promise<TopicOffsets> } | null = null;

  constructor(deps: {
    topics: Topics;
    events: EventStore;
    catalog: CatalogStore;
    topic: string;
    pipeline: string;
    clock: Clock;
  }) {
    this.topics = deps.topics;
    this.events = deps.events;
    this.catalog = deps.catalog;
    this.topic = deps.topic;
    this.pipeline = deps.pipeline;
    this.clock = deps.clock;
  }

  /** @throws Problem when Kafka or Postgres is away */
  async offsets(job: JobRow): Promise<JobOffsets> {
    // The ledger first: a position can then never be ahead of the topic.
    const entry = await this.newest(job, null);
    const topic = await this.topics.offsets(this.topic);
    const partitions = lagByPartition(topic, this.toPosition(entry), this.clock.now());
    const caughtUp = partitions.every((partition) => partition.committed !== null && partition.lagRecords === "0");
    return { job: job.id, topic: this.topic, partitions, caughtUp };
  }

  /** Lag in all; null where it cannot be told, because Kafka is away or nothing has been committed. */
  async lag(job: JobRow): Promise<{ records: string | null; seconds: number | null }> {
    const entry = await this.newest(job, null);
    const topic = await this.topicOffsets().catch(() => null);
    if (topic === null) return { records: null, seconds: null };
    return totalLag(lagByPartition(topic, this.toPosition(entry), this.clock.now()));
  }

  async lastBatch(job: JobRow): Promise<LedgerRow | null> {
    return this.newest(job, "batch");
  }

  async generation(): Promise<number> {
    return (await this.catalog.liveGeneration(this.pipeline))?.number ?? 1;
  }

  private async newest(job: JobRow, kind: string | null): Promise<LedgerRow | null> {
    const table = job.spec.writes[0];
    return table === undefined ? null : this.events.newestEntry(job.id, await this.generation(), table, kind);
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

  /** Four jobs on one page ask Kafka once. */
  private topicOffsets(): Promise<TopicOffsets> {
    const now = this.clock.now().getTime();
    if (this.cached === null || now - this.cached.at > TOPIC_FRESH_MS) {
      this.cached = { at: now, offsets: this.topics.offsets(this.topic) };
    }
    return this.cached.offsets;
  }
}
