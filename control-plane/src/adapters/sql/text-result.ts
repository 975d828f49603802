import type { DuckDBDataChunk } from "@duckdb/node-api";
import type { Value } from "../../services/query-engine.ts";
import type { SqlFormat } from "../../services/sql/ports.ts";
import { plainValue } from "../duckdb-values.ts";

/** Takes the rows of a result in, and is the answer's body in the end. */
export interface ResultWriter {
  /** @returns how many rows of the chunk had room */
  append(chunk: DuckDBDataChunk): number | Promise<number>;
  finish(): Uint8Array | Promise<Uint8Array>;
  close(): void;
}

/** Writes rows as text until `bytes` are full, a row whole or not at all. */
export function textWriter(
  format: Exclude<SqlFormat, "parquet">,
  names: readonly string[],
  bytes: number,
): ResultWriter {
  const begin = format === "csv" ? csvLine(names) : "";
  const pieces: string[] = begin === "" ? [] : [begin];
  let size = Buffer.byteLength(begin);
  const write = lineWriter(format, names);
  return {
    append(chunk) {
      let taken = 0;
      for (const row of chunk.getRows()) {
        const text = write(row.map(plainValue), pieces.length === 0);
        size += Buffer.byteLength(text);
        if (size > bytes) break;
        pieces.push(text);
        taken += 1;
      }
      return taken;
    },
    finish: () => Buffer.from(pieces.join("")),
    close() {},
  };
}

function lineWriter(
  format: "json" | "ndjson" | "csv",
  names: readonly string[],
): (row: Value[], isFirst: boolean) => string {
  if (format === "csv") return (row) => csvLine(row.map(csvText));
  if (format === "json") return (row, isFirst) => `${isFirst ? "" : ","}${JSON.stringify(row)}`;
  const keys = names.map((name) => JSON.stringify(name));
  return (row) => `{${row.map((value, at) => `${keys[at]}:${JSON.stringify(value)}`).join(",")}}\n`;
}

function csvText(value: Value): string | null {
  if (value === null) return null;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** RFC 4180; NULL is nothing at all, and an empty text is `""`. */
function csvLine(cells: readonly (string | null)[]): string {
  const cell = (text: string | null) => {
    if (text === null) return "";
    return text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return `${cells.map(cell).join(",")}\r\n`;
}
