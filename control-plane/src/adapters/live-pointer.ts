import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { GenerationRow } from "../services/rows.ts";

/** Mirrors the live generation into `lake/live.json`, for readers that know nothing of us. */
export function createLivePointer(lakeDir: string): (generation: GenerationRow) => Promise<void> {
  return async ({ pipeline, number, tables }) => {
    const path = join(lakeDir, "live.json");
    const text = `${JSON.stringify({ pipeline, generation: number, tables }, null, 2)}\n`;
    await mkdir(lakeDir, { recursive: true });
    if ((await readFile(path, "utf8").catch(() => null)) === text) return;
    const file = await open(`${path}.new`, "w");
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    // Readers see the old or the new pointer, never half of one.
    await rename(`${path}.new`, path);
  };
}
