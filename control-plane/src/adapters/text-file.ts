import { readFileSync } from "node:fs";

/** The text of a file; null when it cannot be read. */
export function contentOf(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}
