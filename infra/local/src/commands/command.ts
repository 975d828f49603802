import { type ParseArgsOptionsConfig, parseArgs } from "node:util";
import { UserError } from "../user-error.ts";

/** One command of the launcher. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  /** What `--help` shows. */
  readonly help: string;
  /** True when `--help` is for the program that the command runs. */
  readonly passesHelp?: boolean;
  /** @returns the exit code */
  run(args: readonly string[]): Promise<number>;
}

/**
 * Reads options and positional arguments strictly.
 *
 * @throws UserError naming what is not known, and how to get help
 */
export function readOptions<Options extends ParseArgsOptionsConfig>(
  command: string,
  args: readonly string[],
  options: Options,
  allowPositionals = false,
) {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals });
  } catch (error) {
    const message = error instanceof Error ? (error.message.split(". To specify")[0] ?? error.message) : String(error);
    throw new UserError(`${message.replace(/\.$/, "")}. See: npm run ${command} -- --help`);
  }
}
