import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { LogReader } from "../services/delta-table.ts";
import { unlessMissing } from "./unless-missing.ts";

/** Delta logs in folders of this machine. */
export function lakeFiles(): LogReader {
  const at = (root: string, name: string) => join(root, "_delta_log", name);
  return {
    async list(root) {
      return (await unlessMissing(readdir(join(root, "_delta_log")))) ?? [];
    },
    read(root, name) {
      return unlessMissing(readFile(at(root, name), "utf8"));
    },
    async identity(root, name) {
      const found = await unlessMissing(stat(at(root, name), { bigint: true }));
      return found && `${found.ino}:${found.size}:${found.mtimeNs}`;
    },
    async writtenAt(root, name) {
      const found = await unlessMissing(stat(at(root, name), { bigint: true }));
      // Whole milliseconds, as the runner reports it; `mtime` would round up.
      return found && new Date(Number(found.mtimeNs / 1_000_000n));
    },
  };
}
