import kafkajs from "kafkajs";
import { kafkaAdvice } from "../domain/kafka-refusal.ts";
import { clientSecurity, type KafkaSecurity } from "../domain/kafka-security.ts";
import type { TopicSpec } from "../domain/manifest.ts";
import { dependencyUnavailable } from "../domain/problem.ts";
import type { Topics } from "../services/ports.ts";
import type { TopicTimes } from "../services/replay/record-times.ts";

// A CommonJS module whose names Node cannot see from outside.
const { ConfigResourceTypes, Kafka, logLevel } = kafkajs;

export interface KafkaTopics extends Topics, TopicTimes {
  close(): Promise<void>;
}

/** Topics through kafkajs' admin client, connected when first needed. */
export function createKafkaTopics(brokers: string[], security: KafkaSecurity): KafkaTopics {
  const kafka = new Kafka({
    clientId: "penstock-control-plane",
    brokers,
    logLevel: logLevel.NOTHING,
    connectionTimeout: 3_000,
    requestTimeout: 5_000,
    retry: { retries: 1, initialRetryTime: 100 },
    ...clientSecurity(security),
  });
  const admin = kafka.admin();
  let connected: Promise<void> | null = null;
  let hasAnswered = false;
  admin.on(admin.events.DISCONNECT, () => {
    connected = null;
  });

  async function ask<T>(work: () => Promise<T>): Promise<T> {
    return await answered(async () => {
      connected ??= admin.connect();
      await connected;
      return await work();
    });
  }

  async function answered<T>(work: () => Promise<T>): Promise<T> {
    try {
      const answer = await work();
      hasAnswered = true;
      return answer;
    } catch (error) {
      connected = null;
      const reason = error instanceof Error ? error.message.trim() : String(error);
      const advice = kafkaAdvice(error, security, hasAnswered);
      const detail = `Kafka does not answer as it should: ${reason}${advice === null ? "" : `. ${advice}`}`;
      throw dependencyUnavailable("Kafka", detail, error);
    }
  }

  async function offsetsOf(topic: string): Promise<Awaited<ReturnType<typeof admin.fetchTopicOffsets>>> {
    try {
      return await admin.fetchTopicOffsets(topic);
    } catch (error) {
      // What kafkajs heard of a topic that was just being made, no partitions, it keeps for five minutes, and stumbles over it.
      if (!(error instanceof TypeError)) throw error;
      return await afresh((client) => client.fetchTopicOffsets(topic));
    }
  }

  async function afresh<T>(work: (client: typeof admin) => Promise<T>): Promise<T> {
    const client = kafka.admin();
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.disconnect();
    }
  }

  return {
    async ensure(topics) {
      // By a client that was asked for nothing yet: one that was asked for a topic before there was one stumbles over it for ever.
      const making = async (client: typeof admin) => {
        const existing = await client.listTopics();
        const missing = topics.filter((topic) => !existing.includes(topic.name));
        if (missing.length > 0) await client.createTopics({ waitForLeaders: true, topics: missing.map(toTopicConfig) });
      };
      await answered(() => afresh(making));
    },

    async describe(name) {
      if (!(await ask(() => admin.listTopics())).includes(name)) return null;
      const { topics } = await ask(() => admin.fetchTopicMetadata({ topics: [name] }));
      const { resources } = await ask(() =>
        admin.describeConfigs({
          includeSynonyms: false,
          resources: [
            {
              type: ConfigResourceTypes.TOPIC,
              name,
              configNames: ["message.timestamp.type", "retention.ms", "max.message.bytes"],
            },
          ],
        }),
      );
      const config = new Map(resources[0]?.configEntries.map((entry) => [entry.configName, entry.configValue]));
      return {
        name,
        partitions: topics[0]?.partitions.length ?? 0,
        timestampType: config.get("message.timestamp.type") ?? null,
        retentionMs: config.get("retention.ms") ?? null,
        maxMessageBytes: config.get("max.message.bytes") ?? null,
      };
    },

    async offsets(topic) {
      const partitions = await ask(() => offsetsOf(topic));
      // The broker names them in an order of its own.
      return new Map(
        partitions
          .toSorted((one, other) => one.partition - other.partition)
          .map(({ partition, low, high }) => [partition, { earliest: BigInt(low), latest: BigInt(high) }]),
      );
    },

    async offsetsAt(topic, ms) {
      const found = await ask(() => admin.fetchTopicOffsetsByTimestamp(topic, ms));
      return new Map(
        found
          .toSorted((one, other) => one.partition - other.partition)
          .map(({ partition, offset }) => [partition, BigInt(offset)]),
      );
    },

    close: () => admin.disconnect(),
  };
}

function toTopicConfig(topic: TopicSpec) {
  return {
    topic: topic.name,
    numPartitions: topic.partitions,
    replicationFactor: -1,
    configEntries: [
      { name: "retention.ms", value: String(topic.retentionMs) },
      ...(topic.timestampType ? [{ name: "message.timestamp.type", value: topic.timestampType }] : []),
      ...(topic.maxMessageBytes ? [{ name: "max.message.bytes", value: String(topic.maxMessageBytes) }] : []),
    ],
  };
}
