import { readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { DuckDBInstance, type DuckDBType, DuckDBTypeId } from "@duckdb/node-api";
import { identifier, literal } from "../../domain/delta/schema.ts";
import { formatSize } from "../../domain/size.ts";
import type { SqlLimits } from "../../domain/sql/limits.ts";
import { Refusal } from "./faults.ts";
import type { ResultWriter } from "./text-result.ts";

/** What Parquet has no type for goes as the nearest that it has. */
const AS: Partial<Record<DuckDBTypeId, string>> = {
  [DuckDBTypeId.HUGEINT]: "DECIMAL(38,0)",
  [DuckDBTypeId.UHUGEINT]: "DECIMAL(38,0)",
  [DuckDBTypeId.BIGNUM]: "VARCHAR",
  [DuckDBTypeId.BIT]: "VARCHAR",
  [DuckDBTypeId.UNION]: "VARCHAR",
  [DuckDBTypeId.TIME_TZ]: "VARCHAR",
};

/**
 * Collects rows in a database of its own and writes that as a file: the one that ran the statement can write nothing.
 * No SQL of the user reaches this one.
 */
export async function parquetWriter(
  names: readonly string[],
  types: readonly DuckDBType[],
  { bytes, memoryBytes }: SqlLimits,
  folder: string,
): Promise<ResultWriter> {
  const file = join(folder, "result.parquet");
  const instance = await DuckDBInstance.create(":memory:", {
    threads: "1",
    memory_limit: `${memoryBytes}B`,
    temp_directory: "",
    errors_as_json: "true",
  });
  const connection = await instance.connect();
  await connection.run("SET GLOBAL TimeZone = 'UTC'");
  const columns = names.map((name, at) => `${identifier(name)} ${types[at]}`);
  await connection.run(`CREATE TABLE result (${columns.join(", ")})`);
  const appender = await connection.createAppender("result");
  return {
    append(chunk) {
      appender.appendDataChunk(chunk);
      return chunk.rowCount;
    },
    async finish() {
      appender.closeSync();
      const selected = names.map((name, at) => {
        const as = AS[(types[at] as DuckDBType).typeId];
        return as === undefined ? identifier(name) : `${identifier(name)}::${as} AS ${identifier(name)}`;
      });
      await connection.run(
        `COPY (SELECT ${selected.join(", ")} FROM result) TO ${literal(file)} (FORMAT parquet, COMPRESSION zstd)`,
      );
      const { size } = await stat(file);
      if (size > bytes) {
        const message = `The file has ${formatSize(size)}, more than the ${formatSize(bytes)} that a result may have.`;
        throw new Refusal({ kind: "large", message });
      }
      return readFile(file);
    },
    close() {
      connection.closeSync();
      instance.closeSync();
      void rm(file, { force: true });
    },
  };
}
