import type { Connections } from "../../../control-plane/src/domain/connections.ts";
import { readContract } from "../contract.ts";
import { createKafka } from "../kafka-client.ts";
import { createDecoder } from "./decode.ts";
import { type AppliedOverride, type Expectation, expectationOf, type Rules } from "./expectation.ts";
import { expectExtras } from "./extras.ts";
import { readTopic, type TopicContent } from "./topic.ts";
import { fetchWriterSchemas } from "./writer-schemas.ts";

/** Where the records and their schemas are. */
export interface Source {
  /** host:port of the brokers */
  brokers: string[];
  /** base URL of the registry's Confluent API */
  registry: string;
  topic: string;
  /** left out: they ask for nothing */
  connections?: Connections;
}

/**
 * Reads a topic back and says what the pipeline must answer for it, and which fields that the contract lacks it must keep (`extras`, by
 * `partition/offset`; it throws where a field has a type that our own traffic has not).
 * @throws when Kafka or the registry does not answer, or the topic does not exist
 */
export async function expectTopic(
  source: Source,
  rules: Rules,
  overrides: readonly AppliedOverride[] = [],
): Promise<Expectation & Pick<TopicContent, "partitions"> & { extras: () => Map<string, string> }> {
  const { connections } = source;
  const kafka = createKafka(source.brokers, "penstock-oracle", { retries: 5 }, connections?.kafka);
  const { records, partitions } = await readTopic(kafka, source.topic);
  const writers = await fetchWriterSchemas(
    { url: source.registry, login: connections?.registry.login ?? null },
    records,
  );
  const decode = createDecoder(readContract(), writers);
  const readable = records.filter(({ value }) => "event" in decode(value));
  const extras = () => expectExtras(readable, readContract(), writers);
  return { ...expectationOf(records, decode, rules, overrides), partitions, extras };
}
