import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { createEncoder } from "./event-encoder.ts";
import { createKafka } from "./kafka-client.ts";
import type { ProducerOptions } from "./options.ts";
import { type Patience, persist } from "./patience.ts";
import { RegistryAway, registerContract } from "./registration.ts";
import { Schedule } from "./schedule.ts";
import { KafkaAway, Sender } from "./sender.ts";
import { Tally } from "./tally.ts";
import { Generator, type Produced, type Traffic } from "./traffic/generator.ts";

/** Whom a run tells what. */
export interface Reporter {
  /** something worth a line in a log */
  log: (line: string) => void;
  /** where sending is, about once a second */
  progress: (line: string) => void;
}

const BATCH = 4_000;
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
  const isRegistryAway = (error: Error) => error instanceof RegistryAway;
  const register = () => registerContract(options.registry, `${options.topic}-value`);
  const schemaId = await persist(register, isRegistryAway, patience);

  const kafka = createKafka(options.brokers, "penstock-producer", { retries: 1 });
  const sender = new Sender(kafka, options.brokers, options.topic, patience);
  await sender.connect();
  reporter.log(`Producing to ${options.topic} with seed ${seed}.`);
  try {
    const generator = new Generator(trafficOf(options, seed), createEncoder(schemaId));
    return await sendAll(options, generator, sender, reporter, signal);
  } finally {
    await sender.disconnect();
  }
}

async function sendAll(
  options: ProducerOptions,
  generator: Generator,
  sender: Sender,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<string> {
  const startedAt = Date.now();
  const tally = new Tally();
  const batches = drawBatches(options, generator, startedAt, signal);
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
  generator: Generator,
  startedAt: number,
  signal: AbortSignal,
): AsyncGenerator<Produced[]> {
  const schedule = new Schedule(options.rate, options.start, startedAt);
  const count = options.count ?? Number.POSITIVE_INFINITY;
  const endsAt = startedAt + (options.duration ?? Number.POSITIVE_INFINITY);
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
    for (; drawn < due; drawn += 1) batch.push(generator.next(schedule.timeOf(drawn, now)));
    if (batch.length > 0) yield batch;
  }
}

async function sendBatch(sender: Sender, batch: Produced[], tally: Tally): Promise<void> {
  await sender.send(batch.map(({ key, value }) => ({ key, value })));
  for (const record of batch) tally.add(record);
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
