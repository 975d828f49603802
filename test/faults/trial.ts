import { join } from "node:path";
import { tablePath } from "../../control-plane/src/domain/layout.ts";
import type { Manifest } from "../../control-plane/src/domain/manifest.ts";
import { runProducer } from "../smoke/produce.ts";
import { jobsCaughtUp, jobsRunning } from "../smoke/progress.ts";
import { differenceList } from "../smoke/report.ts";
import { differences } from "../stack/exact.ts";
import type { JobStatus } from "../stack/resources.ts";
import type { Stack } from "../stack/stack.ts";
import type { Fault } from "./fault.ts";
import { Observer, type TimelineEntry, type Traces } from "./observer.ts";
import { Stage } from "./stage.ts";
import { interleavedEpochs } from "./tables.ts";

/** How a fault was survived. */
export interface Outcome {
  fault: Fault;
  timeline: TimelineEntry[];
  /** seconds from the fault to all jobs RUNNING for good; 0 when they never were anything else; null when they did not come back */
  secondsToRunning: number | null;
  /** the longest time for which the API contradicted what was true */
  longestLie: { seconds: number; what: string };
  /** every figure compared; null where there is nothing to compare any more */
  exact: boolean | null;
  /** promises that were not kept; empty when all is well */
  broken: string[];
}

const RECOVERY_MS = 180_000;
const MOST_LIE_SECONDS = 10;
/** events sent at once before a fault and after it */
const BURST = 300;
const TRAFFIC = { events: 400, rate: 40 };

/** Lets one fault happen to a stack with traffic, and compares everything afterwards. */
export async function tryFault(
  fault: Fault,
  stack: Stack,
  manifest: Manifest,
  seeds: () => number,
  tell: (line: string) => void,
  signal: AbortSignal,
): Promise<Outcome> {
  const jobs = Object.keys(manifest.jobs);
  const topic = manifest.topics.events.name;
  await jobsRunning(stack, jobs, RECOVERY_MS, signal);
  const order = { topic, parameters: manifest.parameters, events: BURST };
  await runProducer(stack, { ...order, seed: seeds() }, signal);
  const traffic = keepProducing(stack, topic, manifest, seeds);
  const observer = new Observer(stack, tracesOf(stack, manifest));
  const runsBefore = await epochsOf(stack);
  const broken: string[] = [];
  let exact: boolean | null = fault.final ? null : false;
  let isBack = false;
  async function compareAll(): Promise<void> {
    await jobsRunning(stack, jobs, RECOVERY_MS, signal);
    isBack = true;
    await traffic.stop();
    // What was interrupted is not all: it has to work as before, too.
    await runProducer(stack, { ...order, seed: seeds() }, signal);
    await jobsCaughtUp(stack, jobs, 0, { timeout: RECOVERY_MS, signal }, () => undefined);
    await observer.stop();
    const found = await differences(stack, topic, manifest.parameters);
    exact = found.length === 0;
    if (!exact) broken.push(differenceList(found));
    // Only now: a driver that is taken for dead would have been replaced half a minute later.
    const runsAfter = await epochsOf(stack);
    if (fault.unharmed && runsAfter !== runsBefore) broken.push(`runs ended: ${runsBefore} became ${runsAfter}`);
    const written = Object.values(manifest.jobs).flatMap(({ writes }) => writes);
    broken.push(...written.flatMap((table) => interleavedEpochs(join(stack.stateDir, "lake", tablePath(1, table)))));
  }

  try {
    await fault.happen(new Stage(stack, jobs, tell, signal));
    if (!fault.final) await compareAll();
  } catch (error) {
    if (signal.aborted) throw error;
    broken.push(error instanceof Error ? error.message : String(error));
  } finally {
    await traffic.stop();
    await observer.stop();
  }

  const { doubles, timeline } = observer;
  const longestLie = observer.lies.longest;
  broken.push(...doubles.map((text) => `two drivers lived at once: ${text}`));
  if (longestLie.seconds > MOST_LIE_SECONDS) {
    broken.push(`for ${longestLie.seconds.toFixed(1)} s ${longestLie.what}`);
  }
  return { fault, timeline, secondsToRunning: isBack ? backAt(timeline) : null, longestLie, exact, broken };
}

function tracesOf(stack: Stack, manifest: Manifest): Record<string, Traces> {
  const folder = (table: string) => join(stack.stateDir, "lake", tablePath(1, table));
  const topic = join(stack.stateDir, "kafka", "data", manifest.topics.events.name);
  return Object.fromEntries(
    Object.entries(manifest.jobs).map(([job, { reads, writes }]) => {
      const [table] = reads;
      return [
        job,
        { writes: folder(writes[0] ?? ""), reads: table === undefined ? { topic } : { table: folder(table) } },
      ];
    }),
  );
}

async function epochsOf(stack: Stack): Promise<string> {
  const { items } = await stack.rest.get<{ items: JobStatus[] }>("/v1/jobs");
  return items.map(({ id, epoch }) => `${id}@${epoch}`).join(" ");
}

/** When all jobs came to run for good. */
function backAt(timeline: TimelineEntry[]): number {
  const disturbed = timeline.findLastIndex(({ text }) => text !== "all RUNNING");
  return disturbed === -1 ? 0 : (timeline[disturbed + 1]?.at ?? timeline[disturbed]?.at ?? 0);
}

/** Sends events until it is stopped, whatever happens to Kafka meanwhile. */
function keepProducing(stack: Stack, topic: string, manifest: Manifest, seeds: () => number) {
  const abort = new AbortController();
  const { parameters } = manifest;
  const ended = (async () => {
    while (!abort.signal.aborted) {
      await runProducer(stack, { topic, seed: seeds(), ...TRAFFIC, parameters }, abort.signal).catch(() => undefined);
    }
  })();
  return {
    async stop() {
      abort.abort();
      await ended;
    },
  };
}
