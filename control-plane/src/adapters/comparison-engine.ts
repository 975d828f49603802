import { rm } from "node:fs/promises";
import type { ComparisonEngine } from "../services/replay/comparison/ports.ts";
import { openDuckDb } from "./duckdb.ts";

const MEMORY = "512MB";
/** A comparison that needs more than this beside memory is given up, rather than fill the disk that the jobs write to. */
const MOST_SPILLED = "8GB";
const QUERY_MS = 300_000;

/**
 * Opens an engine for one comparison of two generations. It uses one thread, so that jobs and answers keep theirs, and puts on disk what does not
 * fit into memory.
 * @param spillDir of comparisons alone: what one that was killed has left there is deleted
 */
export async function openComparisonEngine(lakeDir: string, spillDir: string): Promise<ComparisonEngine> {
  await rm(spillDir, { recursive: true, force: true });
  const spill = { folder: spillDir, limit: MOST_SPILLED };
  // One connection: tables that one query makes are there for the next.
  const limits = { connections: 1, threads: 1, memoryLimit: MEMORY, timeoutMs: QUERY_MS };
  return openDuckDb({ folders: [lakeDir], spill, ...limits });
}
