import { spawn } from "node:child_process";
import { UserError } from "../user-error.ts";

const KEPT_OUTPUT = 20_000;

/**
 * Runs a program of an install step; what it prints is shown only if it fails.
 *
 * @returns what the program printed (its end, when it is long)
 * @throws UserError with the end of the output and the exit code
 */
export async function runQuietly(
  title: string,
  program: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string; onLine?: (line: string) => void } = {},
): Promise<string> {
  return await new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    const take = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-KEPT_OUTPUT);
      for (const line of chunk.toString().split("\n")) if (line.trim()) options.onLine?.(line.trim());
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.on("error", (error) => reject(new UserError(`${title}: ${program} does not run: ${error.message}`)));
    child.on("close", (code, signal) => {
      if (code === 0) resolve(output);
      else
        reject(
          new UserError(
            `${output.trim()}\n${title} failed (${signal ?? `exit code ${code}`}): its output stands above.`,
          ),
        );
    });
  });
}
