import { UsageError } from "./command-line.ts";
import { HELP, readProducerOptions } from "./options.ts";
import { produce, type Reporter } from "./produce.ts";
import { RegistryAway } from "./registration.ts";
import { KafkaAway } from "./sender.ts";

const PROGRESS_EVERY_MS = 10_000;
/** The terminal and npm each pass on one and the same Ctrl-C. */
const SAME_PRESS_MS = 700;

/** On a terminal the progress line is rewritten in place; in a log it comes every ten seconds. */
function createReporter(isTerminal: boolean): Reporter {
  let lastProgress = Date.now();
  return {
    log: (line) => console.error(isTerminal ? `\r\x1b[K${line}` : `${new Date().toISOString()} ${line}`),
    progress: (line) => {
      if (isTerminal) process.stderr.write(`\r\x1b[K${line}`);
      else if (Date.now() - lastProgress >= PROGRESS_EVERY_MS) {
        lastProgress = Date.now();
        console.error(`${new Date().toISOString()} ${line}`);
      }
    },
  };
}

/** @returns the exit code */
async function main(): Promise<number> {
  const abort = new AbortController();
  let firstAt = 0;
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      if (!abort.signal.aborted) firstAt = Date.now();
      else if (Date.now() - firstAt > SAME_PRESS_MS) process.exit(130);
      abort.abort();
    });
  }
  try {
    const options = readProducerOptions(process.argv.slice(2), process.env);
    if (options === "help") {
      console.log(HELP);
      return 0;
    }
    const isTerminal = process.stderr.isTTY;
    const summary = await produce(options, createReporter(isTerminal), abort.signal);
    console.log(isTerminal ? `\r\x1b[K${summary}` : summary);
    return 0;
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(error.message);
      return 2;
    }
    if (error instanceof KafkaAway || error instanceof RegistryAway) {
      console.error(
        `${error.message} Is the stack running (npm run status)? Another one is named by --brokers and --registry.`,
      );
      return 1;
    }
    throw error;
  }
}

process.exitCode = await main();
