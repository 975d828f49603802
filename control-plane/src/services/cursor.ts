import { parseInstant } from "../domain/delta/instant.ts";
import { type FieldError, invalidRequest } from "../domain/problem.ts";

/** Where a page ended: the sort key of its last row. */
export type CursorKey = (string | number)[];

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const MOST_INTEGER = 2 ** 31 - 1;
const MOST_BIGINT = 2n ** 63n - 1n;

/** What a part of a key may be, so that a forged one is refused here and not by a database. */
const PARTS = {
  text: (value: unknown) => typeof value === "string" && value.isWellFormed() && !value.includes("\0"),
  instant: (value: unknown) => typeof value === "string" && parseInstant(value) !== undefined,
  uuid: (value: unknown) => typeof value === "string" && UUID.test(value),
  /** 32 bits */
  integer: (value: unknown) => Number.isInteger(value) && Math.abs(value as number) <= MOST_INTEGER,
  /** 64 bits, as a number or as digits */
  bigint: (value: unknown) =>
    (Number.isSafeInteger(value) || /^\d{1,19}$/.test(String(value))) && BigInt(value as string) <= MOST_BIGINT,
} as const;
export type CursorPart = keyof typeof PARTS;

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
  parts: readonly CursorPart[],
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
    value.length !== parts.length + 1 ||
    parts.some((part, at) => !PARTS[part](value[at + 1]))
  ) {
    throw invalidRequest([refused], "Leave the cursor out to begin with the first page.");
  }
  return value.slice(1) as CursorKey;
}
