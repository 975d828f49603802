import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Manifest, ManifestError, parseManifest } from "../../control-plane/src/domain/manifest.ts";
import { CHECKOUT } from "../../infra/local/src/root.ts";
import { UsageError } from "../../producer/src/command-line.ts";
import {
  type AnsweredWindow,
  compareOutcomes,
  compareWindows,
  type Difference,
  type OutcomeCounts,
} from "../../producer/src/oracle/comparison.ts";
import { expectTopic } from "../../producer/src/oracle/expect-topic.ts";
import { anyAlive, killDrivers } from "../stack/spark-driver.ts";
import { type Stack, withStack } from "../stack/stack.ts";
import { waitFor } from "../stack/wait-for.ts";
import { HELP, readSmokeOptions, type SmokeOptions } from "./options.ts";
import { type Order, runProducer } from "./produce.ts";
import { jobsCaughtUp, jobsInTheMiddle, jobsRunning } from "./progress.ts";
import { differenceList, outcomeTable, revenueTable } from "./report.ts";

const startedAt = Date.now();

function tell(line: string): void {
  console.log(`${((Date.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${line}`);
}

/** Produces, waits, compares. */
async function smoke(
  stack: Stack,
  manifest: Manifest,
  options: SmokeOptions,
  signal: AbortSignal,
): Promise<Difference[]> {
  const { events, timeoutMs } = options;
  const jobs = Object.keys(manifest.jobs);
  const topic = manifest.topics.events.name;
  tell(`Services are ready at ${stack.url}`);
  await jobsRunning(stack, jobs, timeoutMs, signal);
  tell(`${jobs.join(", ")} run`);

  const producedFrom = Date.now();
  const order = { topic, seed: options.seed, events, parameters: manifest.parameters };
  if (options.killApplication) await produceAndKill(stack, jobs, order, { timeout: timeoutMs, signal });
  else tell(await runProducer(stack, order, signal));
  await jobsCaughtUp(stack, jobs, events, { timeout: timeoutMs, signal }, tell);
  const seconds = (Date.now() - producedFrom) / 1000;
  tell(`All consumed ${seconds.toFixed(1)} s after the first was sent: ${Math.round(events / seconds)} events/s`);

  const source = { brokers: stack.brokers, registry: stack.registryUrl, topic };
  const expected = await expectTopic(source, manifest.parameters);
  const windows = await stack.rest.all<AnsweredWindow>("/v1/revenue/windows");
  const outcomes = await stack.rest.get<OutcomeCounts>("/v1/audit/outcomes");
  tell(`Seed ${options.seed}, ${events} events; the oracle beside what REST answers:`);
  console.log(outcomeTable(expected, outcomes));
  console.log(revenueTable(expected, windows.length));

  const inKafka = expected.partitions.reduce((sum, { earliest, latest }) => sum + Number(latest - earliest), 0);
  const unread = { key: "records read back from Kafka", expected: String(inKafka), actual: String(expected.records) };
  return [
    ...(inKafka === expected.records ? [] : [unread]),
    ...compareOutcomes(expected, outcomes),
    ...compareWindows(expected.windows, windows),
  ];
}

/** Sends the first half, and once every job has worked on it the second, and kills the driver while that is on its way. */
async function produceAndKill(
  stack: Stack,
  jobs: string[],
  order: Order,
  wait: { timeout: number; signal: AbortSignal },
): Promise<void> {
  const half = Math.floor(order.events / 2);
  tell(await runProducer(stack, { ...order, events: half }, wait.signal));
  await jobsInTheMiddle(stack, jobs, 0, wait);
  tell(await runProducer(stack, { ...order, seed: order.seed + 1, events: order.events - half }, wait.signal));
  const least = await jobsInTheMiddle(stack, jobs, half, wait);
  if (least >= order.events)
    throw new Error("All jobs had consumed everything before the application could be killed.");
  const killed = killDrivers(stack.stateDir);
  const pids = killed.map(({ pid }) => pid).join(", ");
  tell(`Killed the Spark application (pids ${pids}); a job had consumed only ${least} of ${order.events}`);
  await waitFor(async () => (anyAlive(killed) ? { pending: "still there" } : true), {
    timeout: 10_000,
    what: "the killed processes to be gone",
  });
}

/** @returns the exit code */
async function main(): Promise<number> {
  const options = readSmokeOptions(process.argv.slice(2));
  if (options === "help") {
    console.log(HELP);
    return 0;
  }
  const manifest = readManifest(options.manifest);
  const { differences } = await withStack({ name: "smoke", manifest: options.manifest }, async (stack, signal) => {
    const found = await smoke(stack, manifest, options, signal);
    return { differences: found, failed: found.length > 0, keep: options.keep };
  });
  tell(differences.length === 0 ? "Exact: every window and every count." : differenceList(differences));
  return differences.length === 0 ? 0 : 1;
}

function readManifest(path: string): Manifest {
  let text: string;
  try {
    text = readFileSync(resolve(CHECKOUT, path), "utf8");
  } catch (error) {
    throw new UsageError(
      `--manifest: expected a file from the root of the checkout, got '${path}' (${(error as Error).message}).`,
    );
  }
  return parseManifest(text);
}

try {
  process.exitCode = await main();
} catch (error) {
  const failure = error as Error;
  const isUsers = failure instanceof UsageError || failure instanceof ManifestError;
  console.error(isUsers ? failure.message : `The smoke test failed: ${failure.message}`);
  process.exitCode = isUsers ? 2 : 1;
}
