export const CSV_TYPE = "text/csv; charset=utf-8; header=present";

/** Rows as CSV with a line of names first (RFC 4180); null is an empty cell. */
export function csv<Name extends string>(
  columns: readonly Name[],
  rows: readonly Record<Name, string | number | boolean | null>[],
): string {
  const lines = rows.map((row) => columns.map((column) => cell(row[column])).join(","));
  return `${[columns.join(","), ...lines].join("\r\n")}\r\n`;
}

function cell(value: string | number | boolean | null): string {
  const text = value === null ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
