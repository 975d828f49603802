import { type DuckDBConnection, DuckDBInstance, type DuckDBValue } from "@duckdb/node-api";
import { FileVanished, type QueryEngine, QueryGivenUp } from "../services/query-engine.ts";
import { plainRow } from "./duckdb-values.ts";

export interface DuckDbOptions {
  /** the only folders whose files can be read */
  folders: string[];
  /** queries that run at once; more wait for their turn */
  connections?: number;
  threads?: number;
  /** e.g. `512MB` */
  memoryLimit?: string;
  /** where what does not fit into memory goes, and how much of it at most, e.g. `4GB`; left out: nowhere */
  spill?: { folder: string; limit: string };
  /** milliseconds after which a query is interrupted */
  timeoutMs?: number;
}

/** A query engine that holds native resources until it is closed. */
export interface DuckDb extends QueryEngine {
  /** Gives up what runs at present. */
  interrupt(): void;
  close(): void;
}

/**
 * Opens an in-memory DuckDB that reads files of the given folders and nothing else: no network, no extensions, no change of settings.
 *
 * Values come back as JSON can hold them (`plainValue`).
 */
export async function openDuckDb(options: DuckDbOptions): Promise<DuckDb> {
  const { folders, connections = 4, threads = 2, memoryLimit = "512MB", timeoutMs = 15_000, spill } = options;
  const instance = await DuckDBInstance.create(":memory:", {
    threads: String(threads),
    memory_limit: memoryLimit,
    temp_directory: spill?.folder ?? "",
    ...(spill === undefined ? {} : { max_temp_directory_size: spill.limit }),
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
  });
  const idle: DuckDBConnection[] = [];
  for (let n = 0; n < connections; n += 1) idle.push(await instance.connect());
  const first = idle[0] as DuckDBConnection;
  await first.run("SET GLOBAL TimeZone = 'UTC'");
  await first.run("SET GLOBAL parquet_metadata_cache = true");
  await first.run(
    `SET allowed_directories = [${folders.map((folder) => `'${folder.replaceAll("'", "''")}'`).join(", ")}]`,
  );
  await first.run("SET enable_external_access = false");
  await first.run("SET lock_configuration = true");
  const waiting: ((connection: DuckDBConnection) => void)[] = [];
  const all = [...idle];

  return {
    async query(sql, parameters = {}) {
      const connection = idle.pop() ?? (await new Promise<DuckDBConnection>((resolve) => waiting.push(resolve)));
      const timer = setTimeout(() => connection.interrupt(), timeoutMs);
      try {
        const reader = await connection.runAndReadAll(sql, parameters as Record<string, DuckDBValue>);
        return reader.getRowObjects().map(plainRow);
      } catch (error) {
        throw translated(error, timeoutMs, memoryLimit);
      } finally {
        clearTimeout(timer);
        const next = waiting.shift();
        if (next === undefined) idle.push(connection);
        else next(connection);
      }
    },
    interrupt() {
      for (const connection of all) connection.interrupt();
    },
    close() {
      for (const connection of all) connection.closeSync();
      instance.closeSync();
    },
  };
}

function translated(error: unknown, timeoutMs: number, memoryLimit: string): unknown {
  const message = error instanceof Error ? error.message : String(error);
  if (/^IO Error: (No files found|Cannot open file .*No such file)/s.test(message))
    return new FileVanished(message.split("\n")[0], { cause: error });
  if (message.startsWith("INTERRUPT")) return new QueryGivenUp(`It took longer than ${timeoutMs} ms.`, error);
  if (message.startsWith("Out of Memory"))
    return new QueryGivenUp(`It needs more than ${memoryLimit} of memory.`, error);
  return error;
}
