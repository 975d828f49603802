import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CHECKOUT } from "../root.ts";

const FOLDER = join(CHECKOUT, "infra", "versions");

/** The path of a file that pins versions. */
export function versionsFile(...path: string[]): string {
  return join(FOLDER, ...path);
}

/** The text of a file that pins versions. */
export function versionsText(...path: string[]): string {
  return readFileSync(versionsFile(...path), "utf8");
}
