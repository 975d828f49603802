import { describe, expect, it } from "vitest";
import { formatInstant, parseInstant, readInstant } from "../../../src/domain/delta/instant.ts";

describe("an instant", () => {
  it.each([
    ["2026-11-21T00:05:00Z", "2026-11-21T00:05:00Z"],
    ["2026-11-21T00:05Z", "2026-11-21T00:05:00Z"],
    ["2026-11-21T01:05:00.5+01:00", "2026-11-21T00:05:00.500Z"],
    ["2026-11-21T00:05:00.123456789Z", "2026-11-21T00:05:00.123456Z"],
    ["2026-11-21T00:05:00.120000Z", "2026-11-21T00:05:00.120Z"],
    ["2026-12-31T23:30:00-01:30", "2027-01-01T01:00:00Z"],
    ["1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"],
    ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"],
    ["2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"],
  ])("%s is %s, with no more digits than it needs", (text, written) => {
    expect(formatInstant(parseInstant(text) as bigint)).toBe(written);
  });

  it.each([
    "2026-11-21T00:05:00",
    "2026-11-21",
    "2026-02-29T00:00:00Z",
    "2026-11-21T24:00:00Z",
    "2026-11-21T00:60:00Z",
    "2026-11-21T00:00:60Z",
    "2026-11-21T00:00:00+25:00",
    "2026-11-21T00:00:00 01:00",
    "yesterday",
    "1763683200",
    "",
  ])("is not %s", (text) => {
    expect(parseInstant(text)).toBeUndefined();
  });
});

describe("an instant that somebody asks for", () => {
  it.each(["0001-01-01T00:00:00Z", "9998-12-31T23:59:59.999999Z"])("may be %s", (text) => {
    expect(readInstant(text)).toBe(parseInstant(text));
  });

  it.each([
    "0000-12-31T23:59:59Z",
    "0001-01-01T00:00:00+01:00",
    "9999-01-01T00:00:00Z",
    "9998-12-31T23:59:59-01:00",
    "9999-12-31T23:59:59Z",
    "tomorrow",
  ])("may not be %s", (text) => {
    expect(readInstant(text)).toBeUndefined();
  });
});
