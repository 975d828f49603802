import {
  DuckDBArrayValue,
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  type DuckDBValue,
} from "@duckdb/node-api";
import { formatInstant } from "../domain/delta/instant.ts";
import type { Row, Value } from "../services/query-engine.ts";

/** Microseconds of the last moment that a Date can hold. */
const MOST_MICROS = 8_640_000_000_000_000_000n;

export function plainRow(row: Record<string, DuckDBValue>): Row {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plainValue(value)]));
}

/**
 * A value as JSON can hold it: decimals exact as strings with all digits of their scale, integers as numbers when safe and as strings beyond 2^53,
 * timestamps as ISO-8601 UTC with `Z` and 0, 3 or 6 fractional digits, dates as `YYYY-MM-DD`, bytes as base64, whatever JSON knows nothing of as DuckDB writes it.
 */
export function plainValue(value: DuckDBValue): Value {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (value instanceof DuckDBTimestampValue || value instanceof DuckDBTimestampTZValue) return instant(value);
  if (value instanceof DuckDBDecimalValue || value instanceof DuckDBDateValue) return value.toString();
  if (value instanceof DuckDBBlobValue) return Buffer.from(value.bytes).toString("base64");
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue) return value.items.map(plainValue);
  if (value instanceof DuckDBStructValue) return plainRow(value.entries as Record<string, DuckDBValue>);
  if (value instanceof DuckDBMapValue)
    return Object.fromEntries(value.entries.map((entry) => [String(entry.key), plainValue(entry.value)]));
  return String(value);
}

/** Infinity, and years that no Date can hold, stay as DuckDB writes them. */
function instant(value: DuckDBTimestampValue | DuckDBTimestampTZValue): string {
  const { micros } = value;
  return micros > MOST_MICROS || micros < -MOST_MICROS ? value.toString() : formatInstant(micros);
}
