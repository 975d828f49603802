import { randomUUID } from "node:crypto";
import type { Admin, Kafka } from "kafkajs";
import type { RawRecord } from "./decode.ts";

/** Everything that was in a topic at one moment. */
export interface TopicContent {
  records: RawRecord[];
  /** by partition: the first offset there is and the one after the last */
  partitions: { partition: number; earliest: bigint; latest: bigint }[];
}

/**
 * Reads a topic from its first record to the end that it has at the start of the call.
 * @throws when the topic does not exist or Kafka does not answer
 */
export async function readTopic(kafka: Kafka, topic: string): Promise<TopicContent> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const partitions = (await admin.fetchTopicOffsets(topic))
      .map(({ partition, low, high }) => ({ partition, earliest: BigInt(low), latest: BigInt(high) }))
      .sort((a, b) => a.partition - b.partition);
    const ends = new Map(partitions.filter((p) => p.latest > p.earliest).map((p) => [p.partition, p.latest]));
    const records = ends.size > 0 ? await consume(kafka, admin, topic, ends) : [];
    return { records, partitions };
  } finally {
    await admin.disconnect();
  }
}

async function consume(kafka: Kafka, admin: Admin, topic: string, ends: Map<number, bigint>): Promise<RawRecord[]> {
  const groupId = `penstock-oracle-${randomUUID()}`;
  const consumer = kafka.consumer({ groupId, maxBytesPerPartition: 4 * 1024 * 1024, allowAutoTopicCreation: false });
  const records: RawRecord[] = [];
  const open = new Map(ends);
  const { promise: finished, resolve, reject } = Promise.withResolvers<void>();
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    // What passes by itself, such as a coordinator that is still loading, kafkajs tries again.
    if (!payload.restart) reject(payload.error);
  });
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      partitionsConsumedConcurrently: ends.size,
      eachBatch: async ({ batch }) => {
        const end = open.get(batch.partition);
        if (end === undefined) return;
        for (const { offset, timestamp, value } of batch.messages) {
          if (BigInt(offset) >= end) break;
          records.push({ partition: batch.partition, offset: BigInt(offset), timestampMs: BigInt(timestamp), value });
        }
        if (BigInt(batch.lastOffset()) + 1n >= end) open.delete(batch.partition);
        if (open.size === 0) resolve();
      },
    });
    await finished;
  } finally {
    await consumer.disconnect();
    await admin.deleteGroups([groupId]).catch(() => {}); // the broker forgets an empty group by itself, too
  }
  return records;
}
