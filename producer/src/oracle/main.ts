import { describeOptions, readCommandLine, UsageError } from "../command-line.ts";
import { connectionOptions } from "../connection-options.ts";
import { CONNECTION_HELP, connectionsOf } from "../connections.ts";
import * as setting from "../setting.ts";
import { expectTopic } from "./expect-topic.ts";

const OPTIONS = {
  ...connectionOptions(),
  topic: { read: setting.text, value: "NAME", default: "sales.events.v1", help: "topic to read back" },
  window: { read: setting.duration, value: "TIME", default: "5m", help: "length of the windows" },
  "allowed-lateness": { read: setting.duration, value: "TIME", default: "10m", help: "of the pipeline" },
  "allowed-skew": { read: setting.duration, value: "TIME", default: "5m", help: "of the pipeline" },
};
const SWITCHES = { help: "show this" };

const HELP = `Reads a topic back and prints, as JSON, what the pipeline must answer for it: counts by outcome, and every window.

  node producer/src/oracle/main.ts [options]

${describeOptions(OPTIONS, SWITCHES)}

${CONNECTION_HELP}
`;

async function main(): Promise<void> {
  const { values, switches } = readCommandLine(process.argv.slice(2), process.env, OPTIONS, SWITCHES);
  if (switches.help) {
    console.log(HELP);
    return;
  }
  if (values.window === 0) throw new UsageError("--window: expected more than zero, got '0'.");
  const rules = {
    windowMs: values.window,
    allowedLatenessMs: values["allowed-lateness"],
    allowedSkewMs: values["allowed-skew"],
  };
  const expectation = await expectTopic({ ...values, connections: connectionsOf(process.env) }, rules);
  console.log(JSON.stringify(expectation, (_, value) => (typeof value === "bigint" ? value.toString() : value), 2));
}

try {
  await main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
