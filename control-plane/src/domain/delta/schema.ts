import { damagedTable, unsupportedTable } from "./faults.ts";

/** A column of a Delta table with its type in SQL, as DuckDB writes it. */
export interface Column {
  name: string;
  type: string;
}

type DeltaType =
  | string
  | { type: "struct"; fields: { name: string; type: DeltaType }[] }
  | { type: "array"; elementType: DeltaType }
  | { type: "map"; keyType: DeltaType; valueType: DeltaType };

const PRIMITIVES: Record<string, string> = {
  string: "VARCHAR",
  long: "BIGINT",
  integer: "INTEGER",
  short: "SMALLINT",
  byte: "TINYINT",
  float: "FLOAT",
  double: "DOUBLE",
  boolean: "BOOLEAN",
  binary: "BLOB",
  date: "DATE",
  timestamp: "TIMESTAMPTZ",
  timestamp_ntz: "TIMESTAMP",
};

/**
 * Reads a table's `schemaString`.
 * @throws Problem `unsupported_table` naming a type that is not implemented, `damaged_table` when the text is no schema
 */
export function parseSchema(table: string, schemaString: string): Column[] {
  let schema: DeltaType;
  try {
    schema = JSON.parse(schemaString) as DeltaType;
  } catch (cause) {
    throw damagedTable(table, "the schema is not JSON", cause);
  }
  if (typeof schema === "string" || schema.type !== "struct") throw damagedTable(table, "the schema is not a struct");
  return schema.fields.map(({ name, type }) => ({ name, type: sqlType(table, type) }));
}

function sqlType(table: string, type: DeltaType): string {
  if (typeof type === "string") {
    const sql = PRIMITIVES[type] ?? /^decimal\(\d+,\d+\)$/.exec(type)?.[0].toUpperCase();
    if (sql === undefined) throw unsupportedTable(table, `type ${type}`, "a column has it");
    return sql;
  }
  switch (type.type) {
    case "array":
      return `${sqlType(table, type.elementType)}[]`;
    case "map":
      return `MAP(${sqlType(table, type.keyType)}, ${sqlType(table, type.valueType)})`;
    case "struct":
      return `STRUCT(${type.fields.map((field) => `${identifier(field.name)} ${sqlType(table, field.type)}`).join(", ")})`;
    default:
      throw unsupportedTable(table, `type ${JSON.stringify(type)}`, "a column has it");
  }
}

/** A name as SQL identifier. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text as SQL literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
