import { type DuckDBConnection, DuckDBInstance, type DuckDBPreparedStatement } from "@duckdb/node-api";
import { identifier, literal } from "../../domain/delta/schema.ts";
import type { SqlParameter, SqlParameters, SqlTask } from "../../services/sql/ports.ts";
import { movedBack, Refusal } from "./faults.ts";
import { refuseChange } from "./plan.ts";
import { readStatement } from "./statement.ts";

const THREADS = "2";
const EXPLAIN = "EXPLAIN (FORMAT json) ";

/** A database in memory for one statement; it is thrown away afterwards, and with it whatever the statement did. */
export interface Database {
  connection: DuckDBConnection;
  close(): void;
}

/** Takes about 20 ms, so a worker keeps one ready. */
export async function openDatabase(): Promise<Database> {
  const instance = await DuckDBInstance.create(":memory:", {
    threads: THREADS,
    temp_directory: "",
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
    allow_community_extensions: "false",
    allow_persistent_secrets: "false",
    errors_as_json: "true",
  });
  const connection = await instance.connect();
  await connection.run("SET GLOBAL TimeZone = 'UTC'");
  return {
    connection,
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** Makes the views, and then shuts everything but their files. None of it can be taken back. */
export async function lock(connection: DuckDBConnection, { views, files, limits }: SqlTask): Promise<void> {
  await connection.run(`SET GLOBAL memory_limit = '${limits.memoryBytes}B'`);
  for (const { name, sql } of views) await connection.run(`CREATE VIEW ${identifier(name)} AS ${sql}`);
  await connection.run(`SET GLOBAL allowed_paths = [${files.map(literal).join(", ")}]`);
  await connection.run("SET GLOBAL enable_external_access = false");
  await connection.run("SET GLOBAL lock_configuration = true");
  // It keeps tables from being made; files it does not protect, for COPY is a way of reading to DuckDB.
  await connection.run("BEGIN TRANSACTION READ ONLY");
}

/** @throws Refusal when it is not one statement that only reads, or the parameters do not fit it */
export async function prepare(
  connection: DuckDBConnection,
  { sql, params }: SqlTask,
): Promise<DuckDBPreparedStatement> {
  const statement = await readStatement(connection, sql);
  const prepared = await connection.prepare(statement.sql);
  bind(prepared, params);
  refuseChange(await planOf(connection, statement.select, params));
  return prepared;
}

/** What DuckDB would do, with the values that it would do it with. */
async function planOf(connection: DuckDBConnection, select: string, params: SqlParameters): Promise<string> {
  const explaining = await connection.prepare(`${EXPLAIN}${select}`);
  bind(explaining, params);
  try {
    const [row] = (await explaining.runAndReadAll()).getRows();
    return String(row?.[1]);
  } catch (error) {
    throw new Error(movedBack(error, EXPLAIN.length), { cause: error });
  }
}

function bind(statement: DuckDBPreparedStatement, params: SqlParameters): void {
  const names = Array.from({ length: statement.parameterCount }, (_, at) => statement.parameterName(at + 1));
  const given = Array.isArray(params) ? Object.fromEntries(params.map((value, at) => [String(at + 1), value])) : params;
  const known = names.length === 0 ? "the SQL has none" : `the SQL has ${names.map((name) => `$${name}`).join(", ")}`;
  for (const name of Object.keys(given)) {
    if (!names.includes(name))
      throw new Refusal({ kind: "parameters", field: `params.${name}`, message: `no such parameter; ${known}` });
  }
  for (const [at, name] of names.entries()) {
    if (!Object.hasOwn(given, name))
      throw new Refusal({ kind: "parameters", field: `params.${name}`, message: "a value" });
    bindValue(statement, at + 1, given[name] as SqlParameter);
  }
}

function bindValue(statement: DuckDBPreparedStatement, at: number, value: SqlParameter): void {
  if (value === null) statement.bindNull(at);
  else if (typeof value === "string") statement.bindVarchar(at, value);
  else if (typeof value === "boolean") statement.bindBoolean(at, value);
  else if (Number.isSafeInteger(value)) statement.bindBigInt(at, BigInt(value));
  else statement.bindDouble(at, value);
}
