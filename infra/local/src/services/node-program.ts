import { existsSync } from "node:fs";
import { relative } from "node:path";
import { CHECKOUT } from "../root.ts";
import { UserError } from "../user-error.ts";

/**
 * A TypeScript program of this checkout, run by the Node that runs us.
 *
 * @throws UserError when the file is not there
 */
export function nodeProgram(main: string, args: readonly string[] = []): { program: string; args: string[] } {
  if (!existsSync(main)) throw new UserError(`${relative(CHECKOUT, main)} is missing: this checkout is not complete.`);
  return { program: process.execPath, args: [main, ...args] };
}
