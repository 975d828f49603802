import type { Dirent } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { batchesOf } from "../domain/checkpoint/inspection.ts";
import type { CheckpointReader, StateFolder } from "../services/checkpoints.ts";
import { unlessMissing } from "./unless-missing.ts";

/** Spark keeps a hundred batches; more are there only where it was told to. */
const BATCHES_AT_MOST = 200;
const AT_ONCE = 32;

/** Checkpoints in folders of this machine. */
export function createCheckpointFiles(): CheckpointReader {
  return {
    async read(folder) {
      // Commits first: a batch that is committed meanwhile is then one in flight, and never one without offsets.
      const commits = await readLog(join(folder, "commits"));
      const offsets = await readLog(join(folder, "offsets"));
      const metadata = await unlessMissing(readFile(join(folder, "metadata"), "utf8"));
      return { metadata, offsets, commits };
    },

    async measure(folder) {
      const entries = (await unlessMissing(readdir(folder, { recursive: true, withFileTypes: true }))) ?? [];
      const paths = entries.filter((entry) => entry.isFile()).map(pathOf);
      const sizes = await inGroups(paths, async (path) => (await unlessMissing(stat(path)))?.size ?? 0);
      const state = new Map<string, StateFolder>();
      for (const [at, path] of paths.entries()) {
        const [top, operator, partition] = relative(folder, path).split(sep);
        if (top !== "state" || operator === undefined || partition === undefined) continue;
        const known = state.get(operator) ?? { operator, name: null, bytes: 0, partitions: new Set() };
        known.bytes += sizes[at] ?? 0;
        if (/^\d+$/.test(partition)) known.partitions.add(partition);
        state.set(operator, known);
      }
      for (const known of state.values()) known.name = await operatorName(join(folder, "state", known.operator));
      return { bytes: sizes.reduce((sum, size) => sum + size, 0), files: paths.length, state: [...state.values()] };
    },
  };
}

async function readLog(folder: string): Promise<Map<bigint, string>> {
  const batches = batchesOf((await unlessMissing(readdir(folder))) ?? []).sort((a, b) => (a < b ? 1 : -1));
  const newest = batches.slice(0, BATCHES_AT_MOST);
  const texts = await inGroups(newest, (batch) => unlessMissing(readFile(join(folder, String(batch)), "utf8")));
  // Spark removes old batches meanwhile.
  return new Map(newest.flatMap((batch, at) => (texts[at] === undefined ? [] : [[batch, texts[at]] as const])));
}

/** As Spark writes it beside the state: a line with the version, a line of JSON. */
async function operatorName(folder: string): Promise<string | null> {
  const text = (await unlessMissing(readFile(join(folder, "_metadata", "metadata"), "utf8"))) ?? "";
  return /"operatorName":"([^"]+)"/.exec(text)?.[1] ?? null;
}

function pathOf(entry: Dirent): string {
  return join(entry.parentPath, entry.name);
}

async function inGroups<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(start, start + AT_ONCE).map(work))));
  }
  return results;
}
