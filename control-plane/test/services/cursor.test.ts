import { describe, expect, it } from "vitest";
import { type CursorPart, readCursor, writeCursor } from "../../src/services/cursor.ts";

const GOOD: Record<CursorPart, (string | number)[]> = {
  text: ["", "sales.gold"],
  instant: ["2026-11-21T00:01:02.003456Z"],
  uuid: ["6f9619ff-8b86-4011-b42d-00cf4fc964ff"],
  integer: [0, 7, 2 ** 31 - 1],
  bigint: [0, 42, "9223372036854775807"],
};
const BAD: Record<CursorPart, unknown[]> = {
  text: [1, null, "a\0b", "\ud800"],
  instant: ["soon", 3],
  uuid: ["1", "'; DROP TABLE jobs", 7],
  integer: ["1", 1.5, 1e300, 2 ** 31],
  bigint: ["-1", "x", 1.5, 1e300, "9223372036854775808", null],
};

const forged = (value: unknown) => Buffer.from(JSON.stringify(["runs", value])).toString("base64url");

describe("a cursor", () => {
  it.each(Object.entries(GOOD) as [CursorPart, (string | number)[]][])("gives back its %s", (part, values) => {
    for (const value of values) expect(readCursor("runs", [part], writeCursor("runs", [value]))).toEqual([value]);
  });

  it.each(Object.entries(BAD) as [CursorPart, unknown[]][])(
    "that is forged is refused where it needs %s",
    (part, values) => {
      for (const value of values) {
        expect(() => readCursor("runs", [part], forged(value)), JSON.stringify(value)).toThrow(
          /cursor: expected the nextCursor/,
        );
      }
    },
  );

  it("is refused where another shape is asked for, or when it is none", () => {
    for (const text of [writeCursor("events", [1]), writeCursor("runs", [1, 2]), "xyz", ""]) {
      expect(() => readCursor("runs", ["integer"], text)).toThrow(/cursor: expected/);
    }
  });
});
