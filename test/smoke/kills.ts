import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "../../producer/src/random.ts";
import { MortalDrivers, type Patience } from "../stack/mortal-drivers.ts";
import type { Stack } from "../stack/stack.ts";
import { waitFor } from "../stack/wait-for.ts";
import { type Order, startProducer } from "./produce.ts";

/** How long a kill waits at most behind the moment at which a batch was planned: some come before its commit, some after. */
const LONGEST_DELAY_MS = 3_000;
/** Slow enough that events still come at the last kill; what is left is then sent at once. */
const SECONDS_PER_KILL = 90;

/**
 * Sends the events, and while they come kills the driver again and again: each time as soon as a job, chosen by the
 * seed, has a batch in flight, and a moment of chance later.
 * @throws when all was sent before the last kill, or when a driver does not come to work in time
 */
export async function produceUnderKills(
  stack: Stack,
  jobs: readonly string[],
  order: Order,
  kills: number,
  wait: Patience,
  tell: (line: string) => void,
): Promise<void> {
  const random = new Random(order.seed);
  const producing = startProducer(stack, { ...order, rate: order.events / (kills * SECONDS_PER_KILL) }, wait.signal);
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  producing.ended.then(over, over);
  const drivers = new MortalDrivers(stack, wait);
  for (let kill = 1; kill <= kills; kill += 1) {
    const job = random.pick(jobs);
    const delay = random.int(0, LONGEST_DELAY_MS);
    await drivers.mayDie();
    await nextBatch(stack, job, wait);
    await sleep(delay, undefined, { signal: wait.signal });
    if (isOver) throw new Error(`All events were sent before kill ${kill} of ${kills}: more of them last longer.`);
    const killed = await drivers.kill();
    const pids = killed.map(({ pid }) => pid).join(", ");
    tell(
      `Kill ${kill} of ${kills}: pids ${pids}, ${delay} ms after a batch of ${job}; in flight: ${inFlight(stack, jobs)}`,
    );
    await drivers.gone(killed);
  }
  const sent = await producing.stop();
  tell(`Sent ${sent} events until then, ${order.events - sent} more at once`);
  const skip = (order.skip ?? 0) + sent;
  tell(await startProducer(stack, { ...order, events: order.events - sent, skip }, wait.signal).ended);
}

/** Waits until a driver plans a batch of the job, or commits one that an earlier driver has planned. */
async function nextBatch(stack: Stack, job: string, { timeout, signal }: Patience): Promise<void> {
  const since = Date.now();
  await waitFor(
    async () => {
      const [planned, committed] = [newest(stack, job, "offsets"), newest(stack, job, "commits")];
      const isNew = planned.at > since || committed.at > since;
      return isNew || { pending: `planned ${planned.batch}, committed ${committed.batch}` };
    },
    { timeout, what: `a batch of ${job}`, interval: 50, signal },
  );
}

/** The batches that are planned and not committed, for people. */
function inFlight(stack: Stack, jobs: readonly string[]): string {
  const open = jobs.flatMap((job) => {
    const planned = newest(stack, job, "offsets").batch;
    return planned > newest(stack, job, "commits").batch ? [`${job} ${planned}`] : [];
  });
  return open.join(", ") || "nothing";
}

function newest(stack: Stack, job: string, log: "offsets" | "commits"): { batch: number; at: number } {
  const folder = join(stack.stateDir, "checkpoints", "gen=1", job, log);
  try {
    const batch = Math.max(
      -1,
      ...readdirSync(folder)
        .filter((name) => /^\d+$/.test(name))
        .map(Number),
    );
    return { batch, at: batch < 0 ? 0 : statSync(join(folder, String(batch))).mtimeMs };
  } catch {
    return { batch: -1, at: 0 }; // not there yet, or just being replaced
  }
}
