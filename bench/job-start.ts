/**
 * How long it takes to stop an idle job and to start it again in its living application, as a client sees it.
 *
 *     node bench/job-start.ts [times]
 *
 * Starts a stack of its own (installed software is shared) and takes it down. Times are of this machine; the share that
 * the jobs differ by is what to compare.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseManifest } from "../control-plane/src/domain/manifest.ts";
import { CHECKOUT } from "../infra/local/src/root.ts";
import { MANIFEST } from "../test/integration/stack-setup.ts";
import { runProducer } from "../test/smoke/produce.ts";
import { jobsCaughtUp, jobsRunning } from "../test/smoke/progress.ts";
import { type Stack, withStack } from "../test/stack/stack.ts";

const TIMES = Number(process.argv[2] ?? 10);
const EVENTS = 2_000;
const PATIENCE_MS = 300_000;

const manifest = parseManifest(readFileSync(join(CHECKOUT, MANIFEST), "utf8"));
const jobs = Object.keys(manifest.jobs);

await withStack({ name: "bench", manifest: MANIFEST }, async (stack, signal) => {
  await jobsRunning(stack, jobs, PATIENCE_MS, signal);
  const topic = manifest.topics.events.name;
  await runProducer(stack, { topic, seed: 1, events: EVENTS, parameters: manifest.parameters }, signal);
  await jobsCaughtUp(stack, jobs, EVENTS, { timeout: PATIENCE_MS, signal }, () => undefined);
  for (const job of jobs) {
    const times = { stop: [] as number[], start: [] as number[] };
    for (let n = 0; n < TIMES; n += 1) {
      times.stop.push(await seconds(stack, job, "stop"));
      times.start.push(await seconds(stack, job, "start"));
    }
    console.log(`${job.padEnd(14)} stop ${describe(times.stop)}   start ${describe(times.start)}`);
  }
  return { failed: false };
});

async function seconds(stack: Stack, job: string, action: "start" | "stop"): Promise<number> {
  const begun = performance.now();
  const { state } = await stack.rest.post<{ state: string }>(`/v1/jobs/${job}/${action}`, { wait: "60s" });
  if (state !== "succeeded") throw new Error(`${action} of ${job} is ${state} after a minute`);
  return (performance.now() - begun) / 1000;
}

function describe(times: number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(2);
  return `p50 ${at(0.5)} s, worst ${at(1)} s`;
}
