import { LocalStack } from "../local-stack.ts";
import { readSettings } from "../settings.ts";
import { onStopSignals } from "../stop-signals.ts";
import type { Command } from "./command.ts";

/** What `up` runs detached: not for people, and so not in the list of commands. */
export const supervise: Command = {
  name: "supervise",
  summary: "run the services without a terminal",
  help: "Usage: internal to npm run up",
  async run() {
    const stack = await LocalStack.open(readSettings(process.env), (line) => console.log(line));
    onStopSignals(
      () => void stack.stop(),
      () => void stack.kill().then(() => process.exit(130)),
    );
    try {
      await stack.start();
    } catch (error) {
      console.error(error instanceof Error ? error.message : String(error));
      await stack.stop();
      return 1;
    }
    await stack.stopped;
    return 0;
  },
};
