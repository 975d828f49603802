import { randomInt } from "node:crypto";
import { describeOptions, readCommandLine, UsageError } from "../../producer/src/command-line.ts";
import * as setting from "../../producer/src/setting.ts";
import { CATALOG, sample } from "./catalog.ts";
import type { Fault } from "./fault.ts";

const OPTIONS = {
  seed: { read: setting.wholeNumber(0, 2 ** 31 - 1), value: "N", help: "chooses the sample; a new one when left out" },
  count: { read: setting.wholeNumber(1, 1_000), value: "N", default: "4", help: "how many faults the sample has" },
  only: { read: setting.text, value: "NAMES", help: "these faults, separated by commas, in this order" },
};

const SWITCHES = {
  all: "the full matrix",
  record: "write the outcome to docs/faults.md",
  list: "show all faults",
  help: "show this",
};

/** How the fault tests were asked to run. */
export interface FaultOptions {
  faults: readonly Fault[];
  seed: number;
  isSample: boolean;
  record: boolean;
}

/**
 * @returns "help" or "list" when that was asked for
 * @throws {UsageError} naming the option, its value and what was expected
 */
export function readFaultOptions(args: readonly string[]): FaultOptions | "help" | "list" {
  const { values, switches } = readCommandLine(args, {}, OPTIONS, SWITCHES);
  if (switches.help) return "help";
  if (switches.list) return "list";
  if (switches.all && values.only !== undefined) throw new UsageError("--all and --only exclude each other.");
  const seed = values.seed ?? randomInt(2 ** 31);
  const chosen = switches.all ? CATALOG : values.only === undefined ? sample(seed, values.count) : named(values.only);
  return { faults: chosen, seed, isSample: !switches.all && values.only === undefined, record: switches.record };
}

function named(names: string): Fault[] {
  return names.split(",").map((name) => {
    const fault = CATALOG.find(({ id }) => id === name.trim());
    if (fault === undefined)
      throw new UsageError(`--only: expected names of faults (--list shows them), got '${name}'.`);
    return fault;
  });
}

export const HELP = `Lets things go wrong on a real stack of its own, under traffic, and compares every figure with the oracle's afterwards.

  npm run test:faults -- [options]

${describeOptions(OPTIONS, SWITCHES)}

Ends with 0 when every promise was kept, with 1 otherwise.
`;
