import type { TopicOffsets } from "../domain/lag.ts";
import type { TopicAway } from "../domain/lifecycle/job.ts";
import type { Clock, Topics } from "./ports.ts";

const SAMPLE_MS = 1_000;
const KEPT = 900;
/** A sample that is older says that Kafka is away. */
const CURRENT_MS = 10_000;

/** Kafka is asked every second, and may take its time on a busy machine: an answer that is missing for longer is missed. */
const AWAY_MS = 6_000;
/** A longer gap between two samples means that this process did not run: nobody was away meanwhile. */
const GAP_MS = 3_000;

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
  private lastError: string | null = null;
  private answeredAt: number | null = null;
  private backAt: number | null = null;
  /** when it was last time to ask, and since when that has come regularly */
  private askedAt = 0;
  private askingSince = 0;

  constructor(topics: Topics, topic: string, clock: Clock) {
    this.topics = topics;
    this.topic = topic;
    this.clock = clock;
  }

  start(): void {
    // Kafka may be away; whoever needs an answer now is told so.
    this.timer = setInterval(() => {
      const now = this.clock.now().getTime();
      if (now - this.askedAt > GAP_MS) this.askingSince = now;
      this.askedAt = now;
      this.latest().catch(() => undefined);
    }, SAMPLE_MS);
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

  /** Since when Kafka does not tell of the topic, and what it says instead; null while it does, and where nobody asks. */
  awaySince(): TopicAway | null {
    const now = this.clock.now().getTime();
    if (this.answeredAt === null || now - this.askedAt > GAP_MS) return null;
    if (now - Math.max(this.answeredAt, this.askingSince) <= AWAY_MS) return null;
    return { since: new Date(this.answeredAt), why: this.lastError ?? "no answer" };
  }

  /** Since when Kafka tells of the topic again; null when it was never seen to be away. */
  backSince(): Date | null {
    return this.backAt === null ? null : new Date(this.backAt);
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
    const offsets = await this.topics.offsets(this.topic).catch((error: unknown) => {
      this.lastError = error instanceof Error ? error.message : String(error);
      throw error;
    });
    const now = this.clock.now().getTime();
    if (this.awaySince() !== null) this.backAt = now;
    this.lastError = null;
    this.answeredAt = now;
    this.samples.push({ at, offsets });
    if (this.samples.length > KEPT) this.samples.shift();
    return offsets;
  }
}
