import { randomInt } from "node:crypto";
import { describeOptions, readCommandLine } from "../../producer/src/command-line.ts";
import * as setting from "../../producer/src/setting.ts";

const OPTIONS = {
  seed: { read: setting.wholeNumber(0, 2 ** 31 - 1), value: "N", help: "of the events; a new one when left out" },
  backlog: {
    read: setting.wholeNumber(1_000, 100_000_000),
    value: "N",
    default: "100000",
    help: "events that are there before the replay begins: the live jobs and then the replay catch up with them",
  },
  rate: {
    read: setting.wholeNumber(1, 100_000),
    value: "N",
    default: "1000",
    help: "events a second that keep coming all the time",
  },
  timeout: { read: setting.duration, value: "TIME", default: "10m", help: "how long each step may take" },
};

const SWITCHES = {
  "no-kills": "let everything live",
  keep: "leave the stack running at the end",
  help: "show this",
};

export const HELP = `Usage: npm run test:replay [-- OPTIONS]

Replays silver and all downstream of it on a stack of its own, while events keep coming and a client asks for windows all the time:
the diff must be empty, each answer of one generation, every figure of the promoted generation the oracle's to the cent. Then replays,
roll backs and promotions at every step of which the control plane, the driver, or both die.

${describeOptions(OPTIONS, SWITCHES)}
`;

export interface ReplayTestOptions {
  seed: number;
  backlog: number;
  rate: number;
  timeoutMs: number;
  kills: boolean;
  keep: boolean;
}

/** @throws UsageError with what is wrong and what was expected */
export function readReplayTestOptions(args: readonly string[]): ReplayTestOptions | "help" {
  const { values, switches } = readCommandLine(args, {}, OPTIONS, SWITCHES);
  if (switches.help) return "help";
  const { seed = randomInt(2 ** 31), backlog, rate, timeout } = values;
  return { seed, backlog, rate, timeoutMs: timeout, kills: !switches["no-kills"], keep: switches.keep };
}
