import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "../../producer/src/random.ts";
import { anyAlive, killDrivers } from "../stack/spark-driver.ts";
import type { Stack } from "../stack/stack.ts";
import { waitFor } from "../stack/wait-for.ts";
import { type Order, startProducer } from "./produce.ts";

/** How long a kill waits at most behind the moment at which a batch was planned: some come before its commit, some after. */
const LONGEST_DELAY_MS = 3_000;
/** Slow enough that events still come at the last kill; what is left is then sent at once. */
const SECONDS_PER_KILL = 90;
/**
 * Five drivers within ten minutes that lived for less than a minute each are a crash loop, in which Penstock rightly
 * gives up. So where a kill would be the fifth, it waits until the driver has lived for long enough.
 */
const CRASH_LOOP = { drivers: 5, withinMs: 620_000, shortLifeMs: 60_000, margin: 1_500 };

interface Wait {
  timeout: number;
  signal: AbortSignal;
}

interface Lives {
  /** the launch that was killed last */
  killed: string | null;
  /** when drivers were killed that had lived for less than a minute */
  short: number[];
}

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
  wait: Wait,
  tell: (line: string) => void,
): Promise<void> {
  const random = new Random(order.seed);
  const producing = startProducer(stack, { ...order, rate: order.events / (kills * SECONDS_PER_KILL) }, wait.signal);
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  producing.ended.then(over, over);
  const lives: Lives = { killed: null, short: [] };
  for (let kill = 1; kill <= kills; kill += 1) {
    const job = random.pick(jobs);
    const delay = random.int(0, LONGEST_DELAY_MS);
    await mayDie(stack, lives, wait);
    await nextBatch(stack, job, wait);
    await sleep(delay, undefined, { signal: wait.signal });
    if (isOver) throw new Error(`All events were sent before kill ${kill} of ${kills}: more of them last longer.`);
    const driver = await livingDriver(stack);
    const killed = killDrivers(stack.stateDir);
    lives.killed = driver?.launch ?? null;
    if (driver === null || driver.age < CRASH_LOOP.shortLifeMs) lives.short.push(Date.now());
    const pids = killed.map(({ pid }) => pid).join(", ");
    tell(
      `Kill ${kill} of ${kills}: pids ${pids}, ${delay} ms after a batch of ${job}; in flight: ${inFlight(stack, jobs)}`,
    );
    await waitFor(async () => (anyAlive(killed) ? { pending: "still there" } : true), {
      timeout: 10_000,
      what: "the killed processes to be gone",
      interval: 20,
      signal: wait.signal,
    });
  }
  const sent = await producing.stop();
  tell(`Sent ${sent} events until then, ${order.events - sent} more at once`);
  const skip = (order.skip ?? 0) + sent;
  tell(await startProducer(stack, { ...order, events: order.events - sent, skip }, wait.signal).ended);
}

/** Waits until a driver plans a batch of the job, or commits one that an earlier driver has planned. */
async function nextBatch(stack: Stack, job: string, { timeout, signal }: Wait): Promise<void> {
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

/** Waits as long as one more short life would be a crash loop. */
async function mayDie(stack: Stack, { killed, short }: Lives, { timeout, signal }: Wait): Promise<void> {
  await waitFor(
    async () => {
      const recent = short.filter((at) => at > Date.now() - CRASH_LOOP.withinMs).length;
      if (recent < CRASH_LOOP.drivers - 1) return true;
      const driver = await livingDriver(stack);
      // The one that was killed a moment ago is not known to be dead yet, and is old enough: it is its successor's age that counts.
      if (driver === null || driver.launch === killed) return { pending: "no new driver yet" };
      return driver.age >= CRASH_LOOP.shortLifeMs + CRASH_LOOP.margin || { pending: `${driver.age} ms old` };
    },
    { timeout, what: "the driver to have lived for a minute", interval: 200, signal },
  );
}

/** What lives, as REST says, and for how many milliseconds it has called; null when nothing has called yet. */
async function livingDriver(stack: Stack): Promise<{ launch: string; age: number } | null> {
  const { items } = await stack.rest.get<{
    items: {
      launches: { id: string; adoptedAt: string | null; lastSyncAt: string | null; endedAt: string | null }[];
    }[];
  }>("/v1/applications");
  const living = items.flatMap(({ launches }) => launches).find(({ endedAt }) => endedAt === null);
  if (!living?.adoptedAt || !living.lastSyncAt) return null;
  return { launch: living.id, age: Date.parse(living.lastSyncAt) - Date.parse(living.adoptedAt) };
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
