import { randomInt } from "node:crypto";
import { describeOptions, readCommandLine, UsageError } from "../../producer/src/command-line.ts";
import * as setting from "../../producer/src/setting.ts";
import { LEAST_RECORDS } from "../../producer/src/traffic/nasty/generator.ts";

const MANIFESTS = {
  usual: "spark_jobs/penstock_jobs/pipelines/sales/pipeline.yaml",
  nasty: "test/pipelines/sales-createtime.yaml",
};
/** Nasty events spread over so long a time, of which this run begins the end. */
const NASTY_SPAN_MS = 2 * 3_600_000;
const MINUTE_MS = 60_000;

const OPTIONS = {
  seed: {
    read: setting.wholeNumber(0, 2 ** 31 - 1),
    value: "N",
    help: "of the events and of the kills; a new one when left out",
  },
  count: {
    read: setting.wholeNumber(100, 100_000_000),
    value: "N",
    default: "50000",
    help: "how many events to produce",
  },
  mix: {
    read: setting.oneOf("usual", "nasty"),
    value: "NAME",
    default: "usual",
    help: "nasty: everything that can be wrong or odd with a record, on a topic that keeps the records' timestamps",
  },
  start: {
    read: setting.moment,
    value: "TIME",
    help: "of nasty events: seed and start make a run repeatable; two hours ago",
  },
  kills: {
    read: setting.wholeNumber(0, 1_000),
    value: "N",
    default: "0",
    help: "kill -9 of the Spark driver at so many random moments, while events come and batches are in flight",
  },
  manifest: {
    read: setting.text,
    value: "PATH",
    help: `pipeline manifest, from the root of the checkout; ${MANIFESTS.usual}, or for nasty events ${MANIFESTS.nasty}`,
  },
  timeout: {
    read: setting.duration,
    value: "TIME",
    default: "5m",
    help: "how long the jobs may take to start, and then to read everything",
  },
};

const SWITCHES = {
  crossed: "twice, on two stacks, without the kills first: windows and outcomes must be identical (for nasty events)",
  keep: "leave the stack running at the end",
  help: "show this",
};

/** How the smoke test was asked to run. */
export interface SmokeOptions {
  seed: number;
  events: number;
  manifest: string;
  /** set for nasty events: when they begin, and how many of them happen in a second */
  nasty: { start: Date; pace: number } | undefined;
  kills: number;
  crossed: boolean;
  timeoutMs: number;
  keep: boolean;
}

/**
 * @returns "help" when that was asked for
 * @throws {UsageError} naming the option, its value and what was expected
 */
export function readSmokeOptions(args: readonly string[]): SmokeOptions | "help" {
  const { values, switches } = readCommandLine(args, {}, OPTIONS, SWITCHES);
  if (switches.help) return "help";
  const { mix, count } = values;
  if (mix === "nasty" && count < LEAST_RECORDS) {
    throw new UsageError(`--count: nasty events need at least ${LEAST_RECORDS} to have everything, got '${count}'.`);
  }
  if (mix === "usual" && (switches.crossed || values.start !== undefined)) {
    throw new UsageError("--crossed and --start need --mix nasty: usual events have the clock's time.");
  }
  if (switches.crossed && (values.kills === 0 || switches.keep)) {
    throw new UsageError("--crossed needs --kills above 0, and cannot keep its stacks.");
  }
  const start = new Date(values.start ?? Math.floor((Date.now() - NASTY_SPAN_MS) / MINUTE_MS) * MINUTE_MS);
  return {
    seed: values.seed ?? randomInt(2 ** 31),
    events: count,
    manifest: values.manifest ?? MANIFESTS[mix],
    nasty: mix === "nasty" ? { start, pace: (count * 1000) / NASTY_SPAN_MS } : undefined,
    kills: values.kills,
    crossed: switches.crossed,
    timeoutMs: values.timeout,
    keep: switches.keep,
  };
}

/** The options that give the same events and the same kills again. */
export function repeatable({ seed, events, nasty, kills }: SmokeOptions): string {
  const start = nasty === undefined ? "" : ` --mix nasty --start ${nasty.start.toISOString()}`;
  return `--seed ${seed} --count ${events}${start}${kills > 0 ? ` --kills ${kills}` : ""}`;
}

export const HELP = `Runs the main job on real input, in a stack of its own, and compares every figure with the oracle's.

  npm run smoke -- [options]
  npm run test:kills -- [options]    the same with --mix nasty --count 200000 --kills 10 --crossed --timeout 15m

${describeOptions(OPTIONS, SWITCHES)}

Ends with 0 when every window and every count is exactly right, with 1 otherwise.
`;
