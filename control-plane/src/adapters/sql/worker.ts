/**
 * The process that runs statements of `POST /v1/sql`, one after the other, each in a database of its own.
 * Its folder is the lake; it has no secrets in its environment, and ends with the control plane.
 */
import { realpathSync, rmSync } from "node:fs";
import type { DuckDBResult } from "@duckdb/node-api";
import { formatSize } from "../../domain/size.ts";
import type { SqlResult, SqlTask } from "../../services/sql/ports.ts";
import { faultOf, Refusal } from "./faults.ts";
import { type Database, lock, openDatabase, prepare } from "./locked-database.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import { parquetWriter } from "./parquet-result.ts";
import { textWriter } from "./text-result.ts";

/** An interrupt between two calls of DuckDB is lost, so it is repeated. */
const INTERRUPT_EVERY_MS = 20;
/** A folder for the file of a result; the control plane removes it. */
const SCRATCH = process.argv[2] as string;
/** What no message may show. */
const HIDDEN = [`${realpathSync(".")}/`, `${process.cwd()}/`];

/** A statement on its way; it can be cancelled before its database is there. */
interface Current {
  database: Database | undefined;
  cancelled: boolean;
}

let ready = openDatabase();
let current: Current | undefined;

process.on("message", (message: ToWorker) => {
  if (message.kind === "run") void serve(message.task);
  else if (current !== undefined) current.cancelled = true;
});
process.on("disconnect", endAtOnce);
// Ctrl-C in a terminal reaches the whole group: the control plane ends this one when it is done.
process.on("SIGINT", () => undefined);
await ready;
// It may have gone while this one was starting.
if (!process.connected) endAtOnce();
send({ kind: "ready" });

/** The control plane is gone. An orderly exit would wait for the statement that runs. */
function endAtOnce(): void {
  rmSync(SCRATCH, { recursive: true, force: true });
  process.kill(process.pid, "SIGKILL");
}

function send(message: FromWorker): void {
  process.send?.(message);
}

async function serve(task: SqlTask): Promise<void> {
  const mine: Current = { database: undefined, cancelled: false };
  current = mine;
  send({ kind: "begun" });
  const interrupting = setInterval(() => {
    if (mine.cancelled) mine.database?.connection.interrupt();
  }, INTERRUPT_EVERY_MS);
  try {
    mine.database = await ready;
    send({ kind: "done", result: await run(mine.database, task, () => mine.cancelled) });
  } catch (error) {
    const fault = faultOf(error, HIDDEN);
    send(fault === "interrupted" || mine.cancelled ? { kind: "interrupted" } : { kind: "failed", fault });
  }
  clearInterval(interrupting);
  current = undefined;
  mine.database?.close();
  ready = openDatabase();
}

async function run({ connection }: Database, task: SqlTask, isCancelled: () => boolean): Promise<SqlResult> {
  const started = performance.now();
  await lock(connection, task);
  const statement = await prepare(connection, task);
  const result = await statement.stream();
  const columns = result.columnTypes().map((type, at) => ({ name: result.columnName(at), type: String(type) }));
  return { columns, ...(await collect(result, task, isCancelled)), durationMs: performance.now() - started };
}

async function collect(
  result: DuckDBResult,
  task: SqlTask,
  isCancelled: () => boolean,
): Promise<Pick<SqlResult, "body" | "rows" | "truncatedBy">> {
  const { format, limits } = task;
  const names = result.deduplicatedColumnNames();
  const writer =
    format === "parquet"
      ? await parquetWriter(names, result.columnTypes(), limits, SCRATCH)
      : textWriter(format, format === "csv" ? result.columnNames() : names, limits.bytes);
  let rows = 0;
  let truncatedBy: SqlResult["truncatedBy"] = null;
  try {
    while (truncatedBy === null) {
      const chunk = await result.fetchChunk();
      if (isCancelled()) throw new Error("cancelled");
      if (chunk === null || chunk.rowCount === 0) break;
      const room = limits.rows - rows;
      if (chunk.rowCount > room) {
        truncatedBy = "rows";
        chunk.rowCount = room;
      }
      const taken = await writer.append(chunk);
      if (taken < chunk.rowCount) truncatedBy = "bytes";
      rows += taken;
    }
    refuseCut(truncatedBy, rows, task);
    return { body: await writer.finish(), rows, truncatedBy };
  } finally {
    writer.close();
  }
}

/** In a file nobody sees that something is missing; and no row at all is no part of a result. */
function refuseCut(truncatedBy: SqlResult["truncatedBy"], rows: number, { truncate, limits }: SqlTask): void {
  if (truncatedBy === null || (truncate && rows > 0)) return;
  const limit = truncatedBy === "rows" ? `${limits.rows} rows` : formatSize(limits.bytes);
  const what = rows === 0 ? "Its first row alone has" : "It has";
  throw new Refusal({ kind: "large", message: `${what} more than the ${limit} that a result may have.` });
}
