import kafkajs, { type Admin, type Message, type Producer, type Transaction } from "kafkajs";
import { kafkaAdvice } from "../domain/kafka-refusal.ts";
import { clientSecurity, type KafkaSecurity } from "../domain/kafka-security.ts";
import { dependencyUnavailable, Problem } from "../domain/problem.ts";
import { type Header, type OutgoingRecord, splitBySize } from "../domain/publications/outgoing-record.ts";
import type { Failpoint } from "../services/failpoint.ts";
import {
  type Mark,
  type PublicationLink,
  type PublicationSession,
  PublicationTopicMissing,
  type SessionTopic,
} from "../services/publications/ports.ts";

// A CommonJS module whose names Node cannot see from outside.
const { ConfigResourceTypes, Kafka, logLevel } = kafkajs;

/** A publisher that hangs holds up readers of committed records for no longer than this. */
const TRANSACTION_TIMEOUT_MS = 20_000;
/** The broker's own default, for a topic that does not say. */
const DEFAULT_MAX_MESSAGE_BYTES = 1_048_588;

/**
 * Publishes by kafkajs' transactional producer.
 *
 * The mark is committed as an offset of a group that has no members, for partition 0 of the topic itself: it goes with the topic when that is
 * deleted, and a new topic is filled from the beginning. Tried with kafkajs 2.2.4 and Kafka 4.4: a session's first transaction fences the one
 * before it, and what it then reads of the group is what was committed; right after a commit of its own it may read the mark before, so it
 * asks once and remembers. After an error a producer cannot be trusted (offsets that could not be added, sequences that do not go on): the
 * session ends, and the next one finds out what came to be.
 */
export function createKafkaPublisher(
  brokers: string[],
  security: KafkaSecurity,
  failpoint: Failpoint,
): PublicationLink {
  const kafka = new Kafka({
    clientId: "penstock-publisher",
    brokers,
    logLevel: logLevel.NOTHING,
    connectionTimeout: 3_000,
    requestTimeout: 10_000,
    retry: { retries: 5, initialRetryTime: 100, maxRetryTime: 1_000 },
    ...clientSecurity(security),
  });
  return {
    async open(id, topic) {
      const admin = kafka.admin();
      const producer = kafka.producer({
        transactionalId: id,
        transactionTimeout: TRANSACTION_TIMEOUT_MS,
        maxInFlightRequests: 1,
        allowAutoTopicCreation: false,
      });
      try {
        await admin.connect();
        const room = await describe(admin, topic);
        await producer.connect();
        const first = await producer.transaction();
        return new KafkaSession({ id, admin, producer, topic: room, name: topic, security, failpoint }, first);
      } catch (error) {
        await Promise.allSettled([admin.disconnect(), producer.disconnect()]);
        throw inWords(error, topic, security);
      }
    },
  };
}

async function describe(admin: Admin, topic: string): Promise<SessionTopic> {
  if (!(await admin.listTopics()).includes(topic)) throw missing(topic);
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configNames: ["max.message.bytes"] }],
  });
  const limit = resources[0]?.configEntries.find(({ configName }) => configName === "max.message.bytes")?.configValue;
  return {
    partitions: topics[0]?.partitions.length ?? 1,
    maxMessageBytes: limit === undefined ? DEFAULT_MAX_MESSAGE_BYTES : Number(limit),
  };
}

interface SessionParts {
  /** the transactional id, and the group of the mark */
  id: string;
  admin: Admin;
  producer: Producer;
  topic: SessionTopic;
  /** of the topic */
  name: string;
  security: KafkaSecurity;
  failpoint: Failpoint;
}

class KafkaSession implements PublicationSession {
  readonly topic: SessionTopic;
  private readonly parts: SessionParts;
  /** begun, with nothing in it: the broker does not know of it yet */
  private next: Transaction | null;
  /** null: none, or not asked for yet */
  private known: Mark | null = null;

  constructor(parts: SessionParts, first: Transaction) {
    this.parts = parts;
    this.topic = parts.topic;
    this.next = first;
  }

  async mark(): Promise<Mark | null> {
    this.known ??= await this.ask(() => this.saved());
    return this.known;
  }

  async isEmpty(): Promise<boolean> {
    const partitions = await this.ask(() => this.parts.admin.fetchTopicOffsets(this.parts.name));
    return partitions.every(({ high }) => high === "0");
  }

  publish(records: OutgoingRecord[], mark: Mark): Promise<void> {
    const { id, name: topic, producer, failpoint } = this.parts;
    return this.ask(async () => {
      const transaction = this.next ?? (await producer.transaction());
      this.next = null;
      for (const messages of requests(records, this.topic.maxMessageBytes)) await transaction.send({ topic, messages });
      failpoint("publication-sent");
      await transaction.sendOffsets({ consumerGroupId: id, topics: [{ topic, partitions: [writeMark(mark)] }] });
      failpoint("publication-marked");
      await transaction.commit();
      failpoint("publication-committed");
      this.known = mark;
    });
  }

  async check(): Promise<void> {
    const [known, saved] = [await this.mark(), await this.ask(() => this.saved())];
    if (known?.total !== saved?.total) {
      throw new Error(`the topic ${this.parts.name} was made anew, or another process publishes to it`);
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.parts.producer.disconnect(), this.parts.admin.disconnect()]);
  }

  private async saved(): Promise<Mark | null> {
    const { id, admin, name } = this.parts;
    const [answer] = await admin.fetchOffsets({ groupId: id, topics: [name] });
    const saved = answer?.partitions.find(({ partition }) => partition === 0);
    return saved === undefined || saved.offset === "-1" ? null : readMark(saved.offset, saved.metadata);
  }

  private async ask<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw inWords(error, this.parts.name, this.parts.security);
    }
  }
}

/** The mark as an offset that is committed. */
function writeMark({ total, generation, published, position }: Mark) {
  const metadata = JSON.stringify({ generation, published: String(published), position });
  return { partition: 0, offset: String(total), metadata };
}

function readMark(offset: string, metadata: string | null): Mark {
  const { generation, published, position } = JSON.parse(metadata ?? "null") as Record<string, unknown>;
  return { total: BigInt(offset), generation: Number(generation), published: BigInt(String(published)), position };
}

/** What one request sends to a partition is one batch, which has to fit into the topic. */
function requests(records: OutgoingRecord[], maxBytes: number): Message[][] {
  return splitBySize(records, maxBytes).map((some) => some.map(toMessage));
}

function toMessage({ key, value, headers, partition }: OutgoingRecord): Message {
  return {
    key: key === null ? null : asBuffer(key),
    value: value === null ? null : asBuffer(value),
    headers: toHeaders(headers),
    ...(partition === undefined ? {} : { partition }),
  };
}

/** kafkajs sends a name's values together and cannot send one without value: such a header goes as an empty one. */
function toHeaders(headers: Header[]): Record<string, Buffer[]> {
  // Without a prototype, so that no name of a header means anything to JavaScript.
  const byName: Record<string, Buffer[]> = Object.create(null);
  for (const { key, value } of headers) {
    byName[key] ??= [];
    byName[key].push(asBuffer(value ?? new Uint8Array()));
  }
  return byName;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function missing(topic: string): PublicationTopicMissing {
  return new PublicationTopicMissing(
    `The topic ${topic} does not exist. A restart of the control plane makes it as declared; it is then filled from the beginning.`,
  );
}

function inWords(error: unknown, topic: string, security: KafkaSecurity): unknown {
  if (error instanceof Problem || error instanceof PublicationTopicMissing) return error;
  for (let each = error; each instanceof Error; each = each.cause) {
    if ("type" in each && each.type === "UNKNOWN_TOPIC_OR_PARTITION") return missing(topic);
  }
  const reason = error instanceof Error ? error.message : String(error);
  const advice = kafkaAdvice(error, security, true);
  const detail = `Kafka does not take records for ${topic}: ${reason}${advice === null ? "" : `. ${advice}`}`;
  return dependencyUnavailable("Kafka", detail, error);
}
