import { existsSync, rmSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { endProcesses, stackProcesses } from "../leftovers.ts";
import { readSettings } from "../settings.ts";
import { UserError } from "../user-error.ts";
import { type Command, readOptions } from "./command.ts";
import { refuseIfRunning } from "./running.ts";

const LEFTOVERS_PATIENCE_MS = 5_000;
/** What a stack writes: whatever else lies in the folder is not ours to delete. */
const OWN_ENTRIES = ["kafka", "postgres", "spark", "lake", "checkpoints", "logs", "run", "secrets"];

export const reset: Command = {
  name: "reset",
  summary: "delete all data of the stack; what is installed stays",
  help: `Usage: npm run reset [-- --yes]

Deletes topics, tables, checkpoints, the database, logs and secrets. What is installed stays. Refuses while running.

  --yes   do not ask`,
  async run(args) {
    const { values } = readOptions("reset", args, { yes: { type: "boolean" } });
    const settings = readSettings(process.env);
    refuseIfRunning(settings);
    if (!existsSync(settings.stateDir)) {
      console.log(`${settings.stateDir} does not exist: nothing to delete.`);
      return 0;
    }
    if (!values.yes && !(await confirm(`Delete all events, tables and logs under ${settings.stateDir}? [y/N] `))) {
      console.log("Nothing was deleted.");
      return 1;
    }
    await endProcesses(stackProcesses(settings.stateDir), LEFTOVERS_PATIENCE_MS);
    for (const entry of OWN_ENTRIES) rmSync(`${settings.stateDir}/${entry}`, { recursive: true, force: true });
    console.log(`Deleted the data under ${settings.stateDir}.`);
    return 0;
  },
};

async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new UserError("There is no terminal to ask on: npm run reset -- --yes deletes without asking.");
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await terminal.question(question)).trim());
  } finally {
    terminal.close();
  }
}
