import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Kafka } from "kafkajs";
import { expect, inject } from "vitest";
import { type Manifest, parseManifest } from "../../control-plane/src/domain/manifest.ts";
import { CHECKOUT } from "../../infra/local/src/root.ts";
import { createKafka } from "../../producer/src/kafka-client.ts";
import { runProducer } from "../smoke/produce.ts";
import { jobsCaughtUp, jobsRunning } from "../smoke/progress.ts";
import { differences } from "../stack/exact.ts";
import { Stack } from "../stack/stack.ts";
import { MANIFEST } from "./stack-setup.ts";

const PATIENCE_MS = 180_000;

export const manifest: Manifest = parseManifest(readFileSync(join(CHECKOUT, MANIFEST), "utf8"));
export const topic = manifest.topics.events.name;
export const jobs = Object.keys(manifest.jobs);

/** The stack that all integration tests share. */
export function sharedStack(): Stack {
  return Stack.attach(inject("stackEnvironment"));
}

/**
 * Sends seeded events as a user would. `rate` in events per second, 0 for as fast as possible.
 *
 * No two callers may use one seed: it decides the event ids, and the jobs look for copies within their horizon only.
 */
export async function produce(stack: Stack, order: { seed: number; events: number; rate?: number }): Promise<void> {
  const { seed, events, rate = 0 } = order;
  const { parameters } = manifest;
  await runProducer(stack, { topic, seed, events, rate, parameters }, new AbortController().signal);
}

/** For what a test sends or reads itself. */
export function kafkaOf(stack: Stack): Kafka {
  return createKafka(stack.brokers, "integration-test", {});
}

/** Sends values as they are, one after the other. @returns where each of them lies */
export async function send(
  stack: Stack,
  values: (Buffer | null)[],
): Promise<{ topic: string; partition: number; offset: string }[]> {
  const producer = kafkaOf(stack).producer();
  await producer.connect();
  const places = [];
  for (const value of values) {
    const messages = [{ key: "odd", value, headers: { from: "test" } }];
    const [where] = await producer.send({ topic, messages });
    places.push({ topic, partition: where?.partition ?? 0, offset: where?.baseOffset ?? "" });
  }
  await producer.disconnect();
  return places;
}

/** Waits until all jobs run. */
export async function allRunning(stack: Stack): Promise<void> {
  await jobsRunning(stack, jobs, PATIENCE_MS, new AbortController().signal);
}

/** Waits until all jobs have consumed the whole topic. */
export async function allConsumed(stack: Stack): Promise<void> {
  const wait = { timeout: PATIENCE_MS, signal: new AbortController().signal };
  await jobsCaughtUp(stack, jobs, 0, wait, () => undefined);
}

/** Expects every window and every count that REST answers to be what the oracle works out from the topic. */
export async function expectExact(stack: Stack): Promise<void> {
  await allConsumed(stack);
  expect(await differences(stack, topic, manifest.parameters)).toEqual([]);
}
