import type { Connections } from "../../control-plane/src/domain/connections.ts";
import { describeOptions, type Option, readCommandLine, UsageError, type Values } from "./command-line.ts";
import { connectionOptions } from "./connection-options.ts";
import { CONNECTION_HELP, connectionsOf } from "./connections.ts";
import * as setting from "./setting.ts";

/** `--too-late` is set by PENSTOCK_PRODUCER_TOO_LATE. */
function byEnvironment<const O extends Record<string, Option<unknown>>>(options: O): O {
  for (const [name, option] of Object.entries(options)) {
    const own = `PENSTOCK_PRODUCER_${name.toUpperCase().replaceAll("-", "_")}`;
    option.environment = [own, ...(option.environment ?? [])];
  }
  return options;
}

const OPTIONS = byEnvironment({
  ...connectionOptions(),
  topic: { read: setting.text, value: "NAME", default: "sales.events.v1", help: "topic; its subject is NAME-value" },
  rate: { read: setting.rate, value: "N", default: "5", help: "events per second; 0 is as fast as possible" },
  count: { read: setting.wholeNumber(1, 1e12), value: "N", help: "stop after so many events" },
  duration: { read: setting.duration, value: "TIME", help: "stop after so long, such as 30s or 5m" },
  seed: {
    read: setting.wholeNumber(0, 2 ** 31 - 1),
    value: "N",
    help: "same seed, start and rate: same events; without it a new one each time",
  },
  start: {
    read: setting.moment,
    value: "TIME",
    help: "time of the first event; the others follow at the rate (0: 50,000 a second); without it the clock's time",
  },
  pace: {
    read: setting.positive,
    value: "N",
    help: "with --start: events in one second of their own time; without it the rate",
  },
  skip: {
    read: setting.wholeNumber(0, 1e12),
    value: "N",
    default: "0",
    help: "leave out so many events: goes on where a run with the same seed, start and rate (or pace) has ended",
  },
  mix: {
    read: setting.oneOf("usual", "nasty"),
    value: "NAME",
    default: "usual",
    help: "usual: by the shares below; nasty: everything that can be wrong or odd with a record, the shares do not count",
  },
  accounts: { read: setting.wholeNumber(1, 10_000_000), value: "N", default: "500", help: "number of accounts" },
  refunds: { read: setting.share, value: "SHARE", default: "0.05", help: "refunds and chargebacks" },
  duplicates: {
    read: setting.share,
    value: "SHARE",
    default: "0.02",
    help: "copies of an earlier event, byte for byte",
  },
  late: { read: setting.share, value: "SHARE", default: "0.05", help: "late by 5 s up to the allowed lateness" },
  "too-late": { read: setting.share, value: "SHARE", default: "0.002", help: "late by more than the allowed lateness" },
  future: { read: setting.share, value: "SHARE", default: "0.002", help: "dated ahead by more than the allowed skew" },
  undecodable: {
    read: setting.share,
    value: "SHARE",
    default: "0.001",
    help: "wrong magic byte, unknown schema id, broken Avro, empty, null",
  },
  invalid: {
    read: setting.share,
    value: "SHARE",
    default: "0.005",
    help: "decodable, but against the contract; as many again are oddly written, but valid",
  },
  "allowed-lateness": {
    read: setting.duration,
    value: "TIME",
    default: "10m",
    help: "of the pipeline: tells late from too late",
  },
  "allowed-skew": {
    read: setting.duration,
    value: "TIME",
    default: "5m",
    help: "of the pipeline: where future begins",
  },
  window: {
    read: setting.duration,
    value: "TIME",
    default: "5m",
    help: "of the pipeline: nasty events lie on its ends",
  },
});

const SWITCHES = {
  forever: "a service: wait for Kafka and the registry as long as it takes, and go on when they come back",
  help: "show this",
};

/** How the producer was asked to run. */
export type ProducerOptions = Values<typeof OPTIONS> & { forever: boolean; connections: Connections };

/**
 * Reads the producer's options.
 * @returns "help" when that was asked for
 * @throws {UsageError} naming the option, its value and what was expected
 */
export function readProducerOptions(args: readonly string[], environment: NodeJS.ProcessEnv): ProducerOptions | "help" {
  const { values, switches } = readCommandLine(args, environment, OPTIONS, SWITCHES);
  if (switches.help) return "help";
  const { duplicates, late, future, undecodable, invalid } = values;
  const sum = duplicates + late + values["too-late"] + future + undecodable + 2 * invalid;
  if (sum > 1) {
    throw new UsageError(
      `The shares of duplicates, late, too-late, future, undecodable and twice invalid add up to ${sum.toFixed(3)}: expected at most 1.`,
    );
  }
  if (values.window === 0) throw new UsageError("--window: expected more than zero, got '0'.");
  if (values.pace !== undefined && values.start === undefined) {
    throw new UsageError("--pace needs a --start: without one events have the clock's time.");
  }
  if (switches.forever && values.rate === 0) {
    throw new UsageError("--forever needs a --rate above 0: as fast as possible without an end would fill the disk.");
  }
  if (values.rate === 0 && values.count === undefined && values.duration === undefined) {
    throw new UsageError(
      "--rate 0 needs --count or --duration: as fast as possible without an end would fill the disk.",
    );
  }
  return { ...values, forever: switches.forever, connections: connectionsOf(environment) };
}

export const HELP = `Produces sales events to Kafka: Avro, registered in the schema registry, keyed by account.

  npm run produce -- [options]

${describeOptions(OPTIONS, SWITCHES)}

${CONNECTION_HELP}

Shares are of all events sent. Ctrl-C sends what is under way and prints the summary; again: stops at once.
`;
