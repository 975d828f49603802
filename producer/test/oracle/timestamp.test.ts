import { describe, expect, test } from "vitest";
import { formatTimestamp, parseTimestamp } from "../../src/oracle/timestamp.ts";

const BASE = BigInt(Date.UTC(2026, 10, 21, 1, 2, 3)) * 1000n;

describe("parseTimestamp", () => {
  test.each([
    ["2026-11-21T01:02:03Z", 0n],
    ["2026-11-21T01:02:03+00:00", 0n],
    ["2026-11-21T01:02:03.1Z", 100_000n],
    ["2026-11-21T01:02:03.123Z", 123_000n],
    ["2026-11-21T01:02:03.123456+00:00", 123_456n],
    ["2026-11-21T01:02:03.000001Z", 1n],
    ["2026-11-21T01:02:03.999999999Z", 999_999n],
    ["2026-11-21T01:02:03.1234567Z", 123_456n],
  ])("reads %s to the microsecond, cutting what is finer", (text, micros) => {
    expect(parseTimestamp(text)).toBe(BASE + micros);
  });

  test.each([
    "",
    "yesterday",
    "1795222923000",
    "2026-11-21",
    "2026-11-21T01:02Z",
    "2026-11-21 01:02:03Z",
    "2026-11-21T01:02:03",
    "2026-11-21T01:02:03z",
    "2026-11-21t01:02:03Z",
    "2026-11-21T01:02:03+02:00",
    "2026-11-21T01:02:03-00:00",
    "2026-11-21T01:02:03+0000",
    "2026-11-21T01:02:03.Z",
    "2026-11-21T01:02:03.1234567890Z",
    "2026-11-21T01:02:03Z\n",
    "2026-11-21T01:02:03Z\t",
    "٢٠٢٦-11-21T01:02:03Z",
    "+2026-11-21T01:02:03Z",
    "12026-11-21T01:02:03Z",
    "2026-1-21T01:02:03Z",
    "2026-00-21T01:02:03Z",
    "2026-13-21T01:02:03Z",
    "2026-11-00T01:02:03Z",
    "2026-11-31T01:02:03Z",
    "2026-02-29T01:02:03Z",
    "1900-02-29T01:02:03Z",
    "0999-12-31T23:59:59Z",
    "0000-01-01T00:00:00Z",
    "2026-11-21T24:00:00Z",
    "2026-11-21T01:60:03Z",
    "2026-11-21T01:02:60Z",
  ])("refuses %j", (text) => {
    expect(parseTimestamp(text)).toBeUndefined();
  });

  test.each(["2024-02-29T00:00:00Z", "2000-02-29T00:00:00Z", "1000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])(
    "reads the edge %s and writes it back",
    (text) => {
      expect(formatTimestamp(parseTimestamp(text) as bigint)).toBe(text);
    },
  );
});

test("formatTimestamp writes times before 1970 with the right fraction", () => {
  expect(formatTimestamp(-1n)).toBe("1969-12-31T23:59:59.999999Z");
});
