import { describe, expect, it } from "vitest";
import { deadLetter, type RefusedRecord } from "../../../src/domain/publications/dead-letter.ts";
import { bytesOf, type OutgoingRecord, splitBySize } from "../../../src/domain/publications/outgoing-record.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);
const REFUSED: RefusedRecord = {
  topic: "sales.events.v1",
  partition: 2,
  offset: "9007199254740993",
  timestamp: "2026-11-21T00:05:00.123Z",
  schemaId: -1,
  outcome: "undecodable",
  reasons: ["BAD_AVRO"],
  eventTime: null,
  key: bytes(0, 255),
  headers: [
    { key: "from", value: bytes(0, 200) },
    { key: "from", value: bytes(1) },
    { key: "empty", value: null },
  ],
  value: bytes(0, 0, 0, 0, 1, 9),
};
const ROOM = { partitions: 3, maxMessageBytes: 100_000 };

function said({ headers }: OutgoingRecord): Record<string, string> {
  const own = headers.filter(({ key }) => key.startsWith("penstock."));
  return Object.fromEntries(own.map(({ key, value }) => [key.slice(9), Buffer.from(value ?? []).toString()]));
}

describe("a dead letter", () => {
  it("keeps key, value and headers as they were, bytes that are no text included", () => {
    const letter = deadLetter(REFUSED, 4, ROOM);
    expect([letter.key, letter.value, letter.partition]).toEqual([REFUSED.key, REFUSED.value, 2]);
    expect(letter.headers.slice(0, 3)).toEqual(REFUSED.headers);
    expect(said(letter)).toEqual({
      id: "sales.events.v1/2/9007199254740993",
      outcome: "undecodable",
      reasons: "BAD_AVRO",
      error: "BAD_AVRO: the bytes after the schema id are not the Avro of that schema, read by the contract",
      "source.topic": "sales.events.v1",
      "source.partition": "2",
      "source.offset": "9007199254740993",
      "source.timestamp": "2026-11-21T00:05:00.123Z",
      "schema.id": "-1",
      generation: "4",
      "null.headers": '["empty"]',
    });
  });

  it("says what is too late and what is too early with both times", () => {
    const late = { ...REFUSED, outcome: "late", reasons: [], eventTime: "2026-11-20T00:00:00Z" };
    expect(said(deadLetter(late, 1, ROOM)).error).toMatch(
      /later than .*2026-11-20T00:00:00Z.*2026-11-21T00:05:00.123Z/,
    );
    expect(said(deadLetter({ ...late, outcome: "future" }, 1, ROOM)).error).toMatch(/further in the future/);
  });

  it("leaves out what does not fit into the topic, and says so", () => {
    const large = { ...REFUSED, value: new Uint8Array(1_048_576) };
    const letter = deadLetter(large, 1, ROOM);
    expect([letter.value, letter.key]).toEqual([null, REFUSED.key]);
    expect(said(letter).omitted).toBe("value (1048576 bytes)");
    expect(bytesOf(letter)).toBeLessThanOrEqual(ROOM.maxMessageBytes);
    const monstrous = {
      ...large,
      key: new Uint8Array(200_000),
      headers: [{ key: "x", value: new Uint8Array(200_000) }],
    };
    const bare = deadLetter(monstrous, 1, ROOM);
    expect([bare.value, bare.key]).toEqual([null, null]);
    expect(said(bare)).toMatchObject({
      omitted: "key (200000 bytes), headers (1), value (1048576 bytes)",
      id: "sales.events.v1/2/9007199254740993",
    });
    expect(bytesOf(bare)).toBeLessThanOrEqual(ROOM.maxMessageBytes);
  });

  it("goes with others in requests that fit, in order", () => {
    const record = (size: number): OutgoingRecord => ({ key: null, value: new Uint8Array(size), headers: [] });
    const sizes = [600, 200, 900, 100, 2_000, 10];
    const requests = splitBySize(sizes.map(record), 1_400);
    expect(requests.map((some) => some.map(({ value }) => value?.length))).toEqual([
      [600, 200],
      [900, 100],
      [2_000],
      [10],
    ]);
  });
});
