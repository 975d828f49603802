import { type FieldError, invalidRequest } from "../domain/problem.ts";

/** Where a page ended: the sort key of its last row. */
export type CursorKey = (string | number)[];

const EXPECTED = "the nextCursor of an answer to the same request";

/**
 * Writes a cursor.
 * @param shape what the key's meaning hangs on (resource, order, grain): a cursor is refused where another shape is asked for
 */
export function writeCursor(shape: string, key: CursorKey): string {
  return Buffer.from(JSON.stringify([shape, ...key])).toString("base64url");
}

/**
 * Reads a cursor.
 * @returns undefined when there is none: the first page
 * @throws Problem `invalid_request` when it is none of ours, or of another shape
 */
export function readCursor(
  shape: string,
  types: readonly ("string" | "number")[],
  text: string | undefined,
): CursorKey | undefined {
  if (text === undefined) return undefined;
  const refused: FieldError = { field: "cursor", value: text, expected: EXPECTED };
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, "base64url").toString());
  } catch {
    throw invalidRequest([refused]);
  }
  if (
    !Array.isArray(value) ||
    value[0] !== shape ||
    value.length !== types.length + 1 ||
    types.some((type, at) => typeof value[at + 1] !== type)
  ) {
    throw invalidRequest([refused], "Leave the cursor out to begin with the first page.");
  }
  return value.slice(1) as CursorKey;
}
