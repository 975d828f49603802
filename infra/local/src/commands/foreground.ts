import { type SpawnOptions, spawn } from "node:child_process";
import { constants } from "node:os";
import { UserError } from "../user-error.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Runs a program in this terminal, passing signals on. @returns its exit code */
export async function runInForeground(
  program: string,
  args: readonly string[],
  options: SpawnOptions,
): Promise<number> {
  return await new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "inherit", ...options });
    // The terminal's Ctrl-C reaches the child by itself; a signal to this process alone does not.
    const forward = (signal: NodeJS.Signals): void => void (process.stdin.isTTY || child.kill(signal));
    for (const name of SIGNALS) process.on(name, forward);
    child.once("error", (error) => reject(new UserError(`${program} does not run: ${error.message}`)));
    child.once("exit", (code, signal) => {
      for (const name of SIGNALS) process.off(name, forward);
      resolve(signal ? 128 + constants.signals[signal] : (code ?? 1));
    });
  });
}
