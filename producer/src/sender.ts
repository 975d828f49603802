import kafkajs, { type Kafka, type Message, Partitioners, type Producer } from "kafkajs";
import { kafkaAdvice } from "../../control-plane/src/domain/kafka-refusal.ts";
import { type KafkaSecurity, UNPROTECTED } from "../../control-plane/src/domain/kafka-security.ts";
import { UsageError } from "./command-line.ts";
import { type Patience, persist } from "./patience.ts";

/** Kafka did not take what was sent; sending it again may work. */
export class KafkaAway extends Error {}

/** What of a topic decides how records are made for it. */
export interface TopicFacts {
  partitions: number;
  /** the topic keeps the timestamps that records come with (CreateTime) */
  keepsTimestamps: boolean;
}

/** The broker no longer knows the producer's id or sequence: only a new producer can go on. */
const FORGOTTEN = ["OUT_OF_ORDER_SEQUENCE_NUMBER", "UNKNOWN_PRODUCER_ID", "INVALID_PRODUCER_EPOCH", "PRODUCER_FENCED"];

// One of the exports that Node cannot tell from the text of a CommonJS module.
const { ConfigResourceTypes } = kafkajs;
const TIMESTAMP_TYPE = "message.timestamp.type";

/** Sends records with acks=all, each exactly once as long as the broker remembers the producer. */
export class Sender {
  private readonly kafka: Kafka;
  private readonly brokers: string;
  private readonly topic: string;
  private readonly patience: Patience;
  private readonly security: KafkaSecurity;
  private producer: Producer | undefined;
  private hasAnswered = false;

  constructor(
    kafka: Kafka,
    brokers: readonly string[],
    topic: string,
    patience: Patience,
    security: KafkaSecurity = UNPROTECTED,
  ) {
    this.kafka = kafka;
    this.brokers = brokers.join(", ");
    this.topic = topic;
    this.patience = patience;
    this.security = security;
  }

  /**
   * Connects and makes sure that the topic exists.
   * @returns what is to be known of it
   * @throws {KafkaAway} when Kafka does not answer, or does not know the topic, within the given patience
   */
  async connect(): Promise<TopicFacts> {
    const facts = await persist(() => this.describeTopic(), isTransient, this.patience);
    await persist(() => this.renewProducer(), isTransient, this.patience);
    return facts;
  }

  /**
   * Sends a batch and waits until all replicas have it. A batch that failed is sent again as it was, so that the broker
   * recognises what it already has.
   * @throws {KafkaAway} when Kafka does not answer within the given patience
   */
  async send(messages: Message[]): Promise<void> {
    await persist(() => this.trySend(messages), isTransient, this.patience);
  }

  async disconnect(): Promise<void> {
    await this.producer?.disconnect().catch(() => {}); // nothing is in flight any more: a lost connection is no loss
  }

  private async describeTopic(): Promise<TopicFacts> {
    const admin = this.kafka.admin();
    try {
      await admin.connect();
      const topics = await admin.listTopics();
      this.hasAnswered = true;
      if (!topics.includes(this.topic)) {
        throw new KafkaAway(
          `Kafka at ${this.brokers} has no topic ${this.topic}; the control plane makes it when it starts.`,
        );
      }
      const { topics: described } = await admin.fetchTopicMetadata({ topics: [this.topic] });
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: ConfigResourceTypes.TOPIC, name: this.topic, configNames: [TIMESTAMP_TYPE] }],
      });
      const type = resources[0]?.configEntries.find(({ configName }) => configName === TIMESTAMP_TYPE)?.configValue;
      return { partitions: described[0]?.partitions.length ?? 0, keepsTimestamps: type === "CreateTime" };
    } catch (error) {
      throw error instanceof KafkaAway ? error : this.away(error as Error);
    } finally {
      await admin.disconnect().catch(() => {});
    }
  }

  private async renewProducer(): Promise<Producer> {
    await this.disconnect();
    const producer = this.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: { retries: 2, initialRetryTime: 200, maxRetryTime: 1_000 },
    });
    try {
      await producer.connect();
    } catch (error) {
      await producer.disconnect().catch(() => {});
      throw this.away(error as Error);
    }
    this.producer = producer;
    return producer;
  }

  private async trySend(messages: Message[]): Promise<void> {
    const producer = this.producer ?? (await this.renewProducer());
    try {
      await producer.send({ topic: this.topic, acks: -1, messages });
    } catch (error) {
      const cause = rootOf(error as Error);
      if (FORGOTTEN.includes((cause as { type?: string }).type ?? "")) {
        await this.disconnect();
        this.producer = undefined;
      }
      throw this.away(cause);
    }
  }

  private away(error: Error): Error {
    const cause = rootOf(error);
    if ((cause as { type?: string }).type === "MESSAGE_TOO_LARGE") {
      return new UsageError(`Kafka at ${this.brokers} refuses a batch: ${cause.message}`);
    }
    const advice = kafkaAdvice(error, this.security, this.hasAnswered);
    const text = `Kafka does not answer at ${this.brokers} (${cause.message.trim() || cause.name}).`;
    return new KafkaAway(advice === null ? text : `${text} ${advice}`);
  }
}

function isTransient(error: Error): boolean {
  return error instanceof KafkaAway;
}

/** kafkajs wraps what happened in an account of its retries. */
function rootOf(error: Error): Error {
  return error.cause instanceof Error ? rootOf(error.cause) : error;
}
