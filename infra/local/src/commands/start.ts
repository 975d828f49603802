import { ensureRuntime } from "../install/runtime.ts";
import { LiveStatus } from "../live-status.ts";
import { LocalStack } from "../local-stack.ts";
import { readSettings } from "../settings.ts";
import { onStopSignals } from "../stop-signals.ts";
import { type Command, readOptions } from "./command.ts";
import { refuseIfRunning } from "./running.ts";

export const start: Command = {
  name: "start",
  summary: "install what is missing, run everything in this terminal, show what happens",
  help: `Usage: npm start

Installs what is missing, starts everything and shows revenue arriving. Ctrl-C stops everything in reverse order;
a second Ctrl-C kills it. All state lies under .penstock/ and a later start continues there.

Settings are environment variables, see the README: PENSTOCK_PORT_OFFSET=1000 npm start`,
  async run(args) {
    readOptions("start", args, {});
    const settings = readSettings(process.env);
    refuseIfRunning(settings);
    await ensureRuntime(settings.runtime);
    const say = (line: string): void => console.log(line);
    const stack = await LocalStack.open(settings, say);
    const display = new LiveStatus(settings, stack);
    let interrupted = false;
    onStopSignals(
      () => {
        interrupted = true;
        display.close();
        say("Stopping (once more Ctrl-C kills everything)");
        void stack.stop();
      },
      async () => {
        await stack.kill();
        process.exit(130);
      },
    );
    try {
      await stack.start();
    } catch (error) {
      await stack.stop();
      if (interrupted) return 0;
      throw error;
    }
    void stack.firstRevenueWindow.then((seconds) =>
      display.announce(`First revenue window after ${seconds.toFixed(1)} s`),
    );
    if (!interrupted) display.open();
    await stack.stopped;
    display.close();
    say("Stopped.");
    return 0;
  },
};
