import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Manifest, ManifestError, parseManifest } from "../../control-plane/src/domain/manifest.ts";
import { CHECKOUT } from "../../infra/local/src/root.ts";
import { UsageError } from "../../producer/src/command-line.ts";
import type { Difference } from "../../producer/src/oracle/comparison.ts";
import { expectTopic } from "../../producer/src/oracle/expect-topic.ts";
import { type Stack, withStack } from "../stack/stack.ts";
import { digestOf } from "./digest.ts";
import { compareExtras } from "./extras.ts";
import { produceUnderKills } from "./kills.ts";
import { HELP, readSmokeOptions, repeatable, type SmokeOptions } from "./options.ts";
import { runProducer } from "./produce.ts";
import { jobsCaughtUp, jobsRunning } from "./progress.ts";
import { reconcile } from "./reconciliation.ts";
import { differenceList, outcomeTable, revenueTable } from "./report.ts";
import { endedRuns } from "./runs.ts";
import { settled } from "./settled.ts";

const startedAt = Date.now();

function tell(line: string): void {
  console.log(`${((Date.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${line}`);
}

/** What came of one run on one stack. */
interface Result {
  differences: Difference[];
  digest: string;
}

/** Produces, waits, compares. */
async function smoke(stack: Stack, manifest: Manifest, options: SmokeOptions, signal: AbortSignal): Promise<Result> {
  const { events, timeoutMs, kills, nasty } = options;
  const jobs = Object.keys(manifest.jobs);
  const topic = manifest.topics.events.name;
  const wait = { timeout: timeoutMs, signal };
  tell(`Services are ready at ${stack.url}`);
  await jobsRunning(stack, jobs, timeoutMs, signal);
  tell(`${jobs.join(", ")} run`);

  const producedFrom = Date.now();
  const { parameters } = manifest;
  const order = { topic, seed: options.seed, events, parameters, ...(nasty === undefined ? {} : { nasty }) };
  if (kills > 0) await produceUnderKills(stack, jobs, order, kills, wait, tell);
  else tell(await runProducer(stack, order, signal));
  await jobsCaughtUp(stack, jobs, events, wait, tell);
  const seconds = (Date.now() - producedFrom) / 1000;
  tell(`All consumed ${seconds.toFixed(1)} s after the first was sent: ${Math.round(events / seconds)} events/s`);
  // A job that was killed with its driver may have caught up just now: it has to go on, too.
  await jobsRunning(stack, jobs, timeoutMs, signal);

  const expected = await expectTopic({ brokers: stack.brokers, registry: stack.registryUrl, topic }, parameters);
  const { windows, outcomes, found } = await settled(stack.rest, expected, signal);
  const unreconciled = await reconcile(stack, wait, tell);
  const extras = expected.extras();
  const unlike = await compareExtras(stack, extras);
  // Every nasty mix has such records: none would mean that nothing was compared.
  const none = { key: "records with a field that the contract lacks", expected: "some", actual: "none" };
  if (nasty !== undefined && extras.size === 0) unlike.push(none);
  tell(`${extras.size} records with a field that the contract lacks, ${unlike.length} of them not as sent`);
  const ended = kills > 0 ? [] : await endedRuns(stack, jobs);
  tell(`${repeatable(options)}; the oracle beside what REST answers:`);
  console.log(outcomeTable(expected, outcomes));
  console.log(revenueTable(expected, windows.length));

  const inKafka = expected.partitions.reduce((sum, { earliest, latest }) => sum + Number(latest - earliest), 0);
  const unread = { key: "records read back from Kafka", expected: String(inKafka), actual: String(expected.records) };
  return {
    differences: [...(inKafka === expected.records ? [] : [unread]), ...found, ...unreconciled, ...unlike, ...ended],
    digest: digestOf(windows, outcomes),
  };
}

/** One run on a stack of its own. */
async function runOnce(manifest: Manifest, options: SmokeOptions): Promise<Result> {
  const result = await withStack({ name: "smoke", manifest: options.manifest }, async (stack, signal) => {
    const { differences, digest } = await smoke(stack, manifest, options, signal);
    return { differences, digest, failed: differences.length > 0, keep: options.keep };
  });
  const { differences, digest } = result;
  tell(
    differences.length === 0
      ? "Exact: every window and every count, and nothing that fails to add up from Kafka to gold."
      : differenceList(differences),
  );
  tell(`Digest of all windows and counts: ${digest}`);
  return result;
}

/** @returns the exit code */
async function main(): Promise<number> {
  const options = readSmokeOptions(process.argv.slice(2));
  if (options === "help") {
    console.log(HELP);
    return 0;
  }
  const manifest = readManifest(options.manifest);
  const undisturbed = options.crossed ? await runOnce(manifest, { ...options, kills: 0 }) : null;
  if (undisturbed !== null && undisturbed.differences.length > 0) return 1;
  const { differences, digest } = await runOnce(manifest, options);
  if (undisturbed === null) return differences.length === 0 ? 0 : 1;
  const isSame = undisturbed.digest === digest;
  tell(isSame ? "The same with the kills as without them." : "Not the same with the kills as without them.");
  return differences.length === 0 && isSame ? 0 : 1;
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
