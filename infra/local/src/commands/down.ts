import { setTimeout as delay } from "node:timers/promises";
import { endProcesses, stackProcesses } from "../leftovers.ts";
import { readSettings } from "../settings.ts";
import { runningSupervisor, stateFolder } from "../state-folder.ts";
import { askShutdown } from "../supervisor-client.ts";
import { UserError } from "../user-error.ts";
import { type Command, readOptions } from "./command.ts";

const POLL_MS = 100;
const GIVE_UP_AFTER_MS = 30_000;
const LEFTOVERS_PATIENCE_MS = 5_000;

export const down: Command = {
  name: "down",
  summary: "stop everything, wherever it was started",
  help: `Usage: npm run down

Stops all services in reverse order; running batches are finished first. Also ends what a killed run left behind.`,
  async run(args) {
    readOptions("down", args, {});
    const { stateDir } = readSettings(process.env);
    const folder = stateFolder(stateDir);
    const pid = runningSupervisor(folder);
    if (pid === null) {
      const leftovers = stackProcesses(stateDir);
      await endProcesses(leftovers, LEFTOVERS_PATIENCE_MS);
      console.log(
        leftovers.length > 0
          ? `Ended ${leftovers.length} processes that an earlier run left behind.`
          : "Penstock is not running.",
      );
      return 0;
    }
    const started = Date.now();
    // A supervisor that does not listen yet, or hangs, still takes a signal.
    if (!(await askShutdown(folder.socket))) process.kill(pid, "SIGTERM");
    while (runningSupervisor(folder) === pid) {
      if (Date.now() - started > GIVE_UP_AFTER_MS) {
        throw new UserError(
          `The supervisor (pid ${pid}) has not stopped within ${GIVE_UP_AFTER_MS / 1000} s: see ${folder.logs}, or end it with kill -9 ${pid} and run this again.`,
        );
      }
      await delay(POLL_MS);
    }
    console.log(`Stopped in ${((Date.now() - started) / 1000).toFixed(1)} s.`);
    return 0;
  },
};
