import { join } from "node:path";
import type { GenerationRow } from "../services/rows.ts";
import { replaceFile } from "./replace-file.ts";

/** Mirrors the live generation into `lake/live.json`, for readers that know nothing of us. */
export function createLivePointer(lakeDir: string): (generation: GenerationRow) => Promise<void> {
  return async ({ pipeline, number, tables }) => {
    const text = `${JSON.stringify({ pipeline, generation: number, tables }, null, 2)}\n`;
    await replaceFile(join(lakeDir, "live.json"), text);
  };
}
