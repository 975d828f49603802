import { stat } from "node:fs/promises";
import type { DataFiles } from "../services/reconciliation/ports.ts";
import { unlessMissing } from "./unless-missing.ts";

/** Data files in folders of this machine. */
export function dataFiles(): DataFiles {
  return { size: async (path) => (await unlessMissing(stat(path)))?.size };
}
