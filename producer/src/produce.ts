import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Message } from "kafkajs";
import { createEncoder } from "./event-encoder.ts";
import { createKafka } from "./kafka-client.ts";
import type { ProducerOptions } from "./options.ts";
import { type Patience, persist } from "./patience.ts";
import { RegistryAway, registerContract } from "./registration.ts";
import { Schedule } from "./schedule.ts";
import { KafkaAway, Sender, type TopicFacts } from "./sender.ts";
import { Tally } from "./tally.ts";
import { Generator, type Traffic } from "./traffic/generator.ts";
import { NastyGenerator } from "./traffic/nasty/generator.ts";
import type { Produced, RecordSource } from "./traffic/record.ts";
import { registerWriters } from "./writers.ts";

/** Whom a run tells what. */
export interface Reporter {
  /** something worth a line in a log */
  log: (line: string) => void;
  /** where sending is, about once a second */
  progress: (line: string) => void;
}

const BATCH = 4_000;
const LARGE_BYTES = 100_000;
const ATTEMPTS = 6;
/** Often enough for a live picture, seldom enough to leave the processor to others. */
const TICK_MS = 50;

/**
 * Sends events until the count or the duration is reached or the signal comes, and waits for what is in flight.
 * @returns the summary for the user
 * @throws {UsageError} when the registry refuses the contract
 * @throws {KafkaAway | RegistryAway} when one of them does not answer
 */
export async function produce(options: ProducerOptions, reporter: Reporter, signal: AbortSignal): Promise<string> {
  const patience: Patience = { attempts: options.forever ? undefined : ATTEMPTS, signal, log: reporter.log };
  const seed = options.seed ?? randomInt(2 ** 31);
  const security = options.connections.kafka;
  const kafka = createKafka(options.brokers, "penstock-producer", { retries: 1 }, security);
  const sender = new Sender(kafka, options.brokers, options.topic, patience, security);
  try {
    const facts = await sender.connect();
    const source = await persist(
      () => createSource(options, seed, facts),
      (error) => error instanceof RegistryAway,
      patience,
    );
    reporter.log(`Producing to ${options.topic} with seed ${seed}.`);
    return await sendAll(options, source, sender, reporter, signal);
  } finally {
    await sender.disconnect();
  }
}

/** Registers what the records are written with. */
async function createSource(options: ProducerOptions, seed: number, topic: TopicFacts): Promise<RecordSource> {
  const registry = { url: options.registry, login: options.connections.registry.login };
  if (options.mix === "usual") {
    const schemaId = await registerContract(registry, `${options.topic}-value`);
    return new Generator(trafficOf(options, seed), createEncoder(schemaId));
  }
  const { accounts, "allowed-lateness": allowedLatenessMs, "allowed-skew": allowedSkewMs, window: windowMs } = options;
  const traffic = { seed, accounts, allowedLatenessMs, allowedSkewMs, windowMs, ...topic };
  return new NastyGenerator(traffic, await registerWriters(registry, options.topic));
}

async function sendAll(
  options: ProducerOptions,
  source: RecordSource,
  sender: Sender,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<string> {
  const startedAt = Date.now();
  const tally = new Tally();
  const batches = drawBatches(options, source, startedAt, signal);
  let inFlight: Promise<void> | undefined;
  let reportAt = startedAt + 1000;
  try {
    // Drawing costs as much as sending: at full speed the next batch is drawn while the one before is on its way.
    for await (const batch of batches) {
      await inFlight;
      inFlight = sendBatch(sender, batch, tally);
      if (options.rate > 0) await inFlight;
      if (Date.now() < reportAt) continue;
      reporter.progress(tally.progress(Date.now() - startedAt));
      reportAt = Date.now() + 1000;
    }
    await inFlight;
  } catch (error) {
    if (!signal.aborted || !(error instanceof KafkaAway)) throw error;
    reporter.log(`${error.message} The last batch may not have arrived.`);
  }
  return tally.summary(Date.now() - startedAt);
}

/** Draws what is due, batch by batch, until there is no more to send. */
async function* drawBatches(
  options: ProducerOptions,
  source: RecordSource,
  startedAt: number,
  signal: AbortSignal,
): AsyncGenerator<Produced[]> {
  const schedule = new Schedule(options.rate, options.start, startedAt, options.pace);
  const count = options.count ?? Number.POSITIVE_INFINITY;
  const endsAt = startedAt + (options.duration ?? Number.POSITIVE_INFINITY);
  // Drawn all the same: what comes later depends on what came before.
  for (let index = 0; index < options.skip; index += 1) source.next(schedule.timeOf(index, startedAt));
  let drawn = 0;
  while (drawn < count) {
    if (options.rate > 0) {
      const wait = Math.max(schedule.waitFor(drawn, Date.now()), TICK_MS);
      await sleep(Math.min(wait, endsAt - Date.now()), undefined, { signal }).catch(() => {});
    }
    const now = Date.now();
    if (now >= endsAt || signal.aborted) return;
    const due = Math.min(count, schedule.dueBy(now), drawn + BATCH);
    const batch: Produced[] = [];
    for (; drawn < due; drawn += 1) batch.push(source.next(schedule.timeOf(options.skip + drawn, now)));
    if (batch.length > 0) yield batch;
  }
}

async function sendBatch(sender: Sender, batch: Produced[], tally: Tally): Promise<void> {
  for (const records of portions(batch)) await sender.send(records.map(toMessage));
  for (const record of batch) tally.add(record);
}

/** A large record goes alone: the broker's limit is for all that is sent to a partition at once. */
function* portions(batch: Produced[]): Iterable<Produced[]> {
  let portion: Produced[] = [];
  for (const record of batch) {
    const isLarge = (record.value?.length ?? 0) > LARGE_BYTES;
    if (isLarge && portion.length > 0) yield portion;
    if (isLarge) portion = [];
    portion.push(record);
    if (isLarge) yield portion.splice(0);
  }
  if (portion.length > 0) yield portion;
}

function toMessage({ key, value, partition, timestampMs, headers }: Produced): Message {
  return {
    key,
    value,
    ...(partition === undefined ? {} : { partition }),
    ...(timestampMs === undefined ? {} : { timestamp: String(timestampMs) }),
    ...(headers === undefined ? {} : { headers }),
  };
}

function trafficOf(options: ProducerOptions, seed: number): Traffic {
  const { accounts, refunds, duplicates, late, future, undecodable, invalid } = options;
  return {
    seed,
    accounts,
    shares: { refunds, duplicates, late, tooLate: options["too-late"], future, undecodable, invalid },
    allowedLatenessMs: options["allowed-lateness"],
    allowedSkewMs: options["allowed-skew"],
  };
}
