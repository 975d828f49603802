import type { TopicOffsets } from "../domain/lag.ts";
import type { Clock, Topics } from "./ports.ts";

const SAMPLE_MS = 1_000;
const KEPT = 900;
/** A sample that is older says that Kafka is away. */
const CURRENT_MS = 10_000;

interface Sample {
  /** before Kafka was asked: what was appended until then is below `offsets` */
  at: number;
  offsets: TopicOffsets;
}

/** Remembers how far a topic had come when, which tells the age of records that nobody has read. */
export class TopicWatch {
  private readonly topics: Topics;
  private readonly topic: string;
  private readonly clock: Clock;
  private readonly samples: Sample[] = [];
  private asking: Promise<TopicOffsets> | null = null;
  private timer: NodeJS.Timeout | null = null;

  constructor(topics: Topics, topic: string, clock: Clock) {
    this.topics = topics;
    this.topic = topic;
    this.clock = clock;
  }

  start(): void {
    // Kafka may be away; whoever needs an answer now is told so.
    this.timer = setInterval(() => this.latest().catch(() => undefined), SAMPLE_MS);
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
  }

  /** Asks Kafka; those who ask meanwhile get the same answer. @throws Problem when Kafka is away */
  latest(): Promise<TopicOffsets> {
    this.asking ??= this.sample().finally(() => {
      this.asking = null;
    });
    return this.asking;
  }

  /** The newest sample, without asking Kafka; null when it is old. */
  current(): TopicOffsets | null {
    const sample = this.samples.at(-1);
    const isCurrent = sample !== undefined && this.clock.now().getTime() - sample.at <= CURRENT_MS;
    return isCurrent ? sample.offsets : null;
  }

  /** Whether Kafka answers and has no such topic. @throws Problem when Kafka is away */
  async isMissing(): Promise<boolean> {
    return (await this.topics.describe(this.topic)) === null;
  }

  /** The newest moment, in ms, at which nothing at or beyond `offset` was in the partition; null when none is remembered. */
  emptyBeyond(partition: number, offset: bigint): number | null {
    const sample = this.samples.findLast(({ offsets }) => (offsets.get(partition)?.latest ?? offset + 1n) <= offset);
    return sample?.at ?? null;
  }

  private async sample(): Promise<TopicOffsets> {
    const at = this.clock.now().getTime();
    const offsets = await this.topics.offsets(this.topic);
    this.samples.push({ at, offsets });
    if (this.samples.length > KEPT) this.samples.shift();
    return offsets;
  }
}
