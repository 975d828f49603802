import { randomInt } from "node:crypto";
import { describeOptions, readCommandLine } from "../../producer/src/command-line.ts";
import * as setting from "../../producer/src/setting.ts";

const OPTIONS = {
  seed: { read: setting.wholeNumber(0, 2 ** 31 - 1), value: "N", help: "of the events; a new one when left out" },
  events: { read: setting.wholeNumber(100, 100_000_000), value: "N", default: "50000", help: "how many to produce" },
  manifest: {
    read: setting.text,
    value: "PATH",
    default: "spark_jobs/penstock_jobs/pipelines/sales/pipeline.yaml",
    help: "pipeline manifest, from the root of the checkout",
  },
  timeout: {
    read: setting.duration,
    value: "TIME",
    default: "5m",
    help: "how long the jobs may take to start, and then to read everything",
  },
};

const SWITCHES = {
  "kill-application": "kill -9 the Spark driver in the middle",
  keep: "leave the stack running at the end",
  help: "show this",
};

/** How the smoke test was asked to run. */
export interface SmokeOptions {
  seed: number;
  events: number;
  manifest: string;
  timeoutMs: number;
  killApplication: boolean;
  keep: boolean;
}

/**
 * @returns "help" when that was asked for
 * @throws {UsageError} naming the option, its value and what was expected
 */
export function readSmokeOptions(args: readonly string[]): SmokeOptions | "help" {
  const { values, switches } = readCommandLine(args, {}, OPTIONS, SWITCHES);
  if (switches.help) return "help";
  return {
    seed: values.seed ?? randomInt(2 ** 31),
    events: values.events,
    manifest: values.manifest,
    timeoutMs: values.timeout,
    killApplication: switches["kill-application"],
    keep: switches.keep,
  };
}

export const HELP = `Runs the main job on real input, in a stack of its own, and compares every figure with the oracle's.

  npm run smoke -- [options]

${describeOptions(OPTIONS, SWITCHES)}

Ends with 0 when every window and every count is exactly right, with 1 otherwise.
`;
