import { randomUUID } from "node:crypto";
import type { IHeaders, Kafka } from "kafkajs";

/** A record as a consumer gets it. */
export interface CommittedRecord {
  partition: number;
  key: Buffer | null;
  value: Buffer | null;
  headers: IHeaders;
}

const SENTINEL = "sentinel of a test";

/**
 * Everything that a consumer of committed records finds in a topic, from the beginning to now. The end of each partition is marked by a record of
 * this reader's own, which is sent after everything else: markers of transactions make offsets useless for that.
 */
export async function readCommitted(kafka: Kafka, topic: string): Promise<CommittedRecord[]> {
  const id = randomUUID();
  const producer = kafka.producer();
  const consumer = kafka.consumer({ groupId: `read-committed-${id}`, maxWaitTimeInMs: 100 });
  const records: CommittedRecord[] = [];
  await Promise.all([producer.connect(), consumer.connect()]);
  try {
    const admin = kafka.admin();
    await admin.connect();
    const partitions = (await admin.fetchTopicOffsets(topic)).map(({ partition }) => partition);
    await admin.disconnect();
    await producer.send({
      topic,
      messages: partitions.map((partition) => ({ partition, key: SENTINEL, value: id })),
    });
    const open = new Set(partitions);
    const { promise: finished, resolve } = Promise.withResolvers<void>();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ partition, message: { key, value, headers } }) => {
        if (key?.toString() !== SENTINEL) records.push({ partition, key, value, headers: headers ?? {} });
        else if (value?.toString() === id) open.delete(partition);
        if (open.size === 0) resolve();
      },
    });
    await finished;
  } finally {
    await Promise.all([producer.disconnect(), consumer.disconnect()]);
  }
  return records;
}
