import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  consumedVersion,
  parseCommitEntry,
  parseOffsetEntry,
  parseQueryId,
  type SourceOffset,
} from "../../../src/domain/checkpoint/log-entry.ts";

const real = (name: string) => readFileSync(join(import.meta.dirname, "../../fixtures/checkpoints", name), "utf8");
const entry = (...lines: string[]) => ["v1", '{"batchWatermarkMs":0,"batchTimestampMs":1}', ...lines].join("\n");

describe("an entry of the offset log", () => {
  it("tells where a batch ends in a Kafka topic", () => {
    expect(parseOffsetEntry(real("bronze/offsets/14"))).toEqual({
      plannedAt: "2026-11-24T11:27:55.699Z",
      watermark: null,
      sources: [{ kind: "kafka", topics: { "sales.events.v1": { "0": "915", "1": "1021", "2": "1120" } } }],
    });
  });

  it("tells where a batch ends in a Delta table, once although the plan reads it twice", () => {
    const { sources, watermark } = parseOffsetEntry(real("silver/offsets/4"));
    expect(sources).toEqual([
      { kind: "delta", tableId: "ad71cbf8-98f1-4fe7-aab5-78c75e5930e2", version: "13", index: "-1" },
    ]);
    expect(consumedVersion(sources[0] as SourceOffset & { kind: "delta" })).toBe(12n);
    expect(watermark).toBe("2026-11-24T11:27:10.402Z");
  });

  it("keeps whole numbers that a JSON number would round", () => {
    const text = entry('{"reservoirId":"t","reservoirVersion":7,"index":9223372036854775707}');
    expect(parseOffsetEntry(text).sources[0]).toMatchObject({ index: "9223372036854775707" });
  });

  it("may have sources that a batch does not read", () => {
    const text = entry('{"t":{"0":5}}', "-");
    expect(parseOffsetEntry(text).sources).toEqual([{ kind: "kafka", topics: { t: { "0": "5" } } }]);
  });

  it.each([
    ["is empty", "", "it is empty"],
    ["has another first line", "v2\n{}", "begin with v1"],
    ["reads no source at all", entry("-"), "a dash for every source"],
    ["has a time that is none", 'v1\n{"batchTimestampMs":"soon"}\n{}', 'batchTimestampMs in line 2 is "soon"'],
    ["ends after its first line", "v1", "ends after its first line"],
    ["ends within its second line", real("bronze/offsets/14").slice(0, 200), "line 2 is not JSON"],
    ["ends after its second line", entry(), "names no source"],
    ["ends within a source", real("bronze/offsets/14").slice(0, -9), "a source's line is not JSON"],
    ["has a source that is not an object", entry("12"), "not a JSON object"],
    ["has an empty line for a source", entry("", ""), "a source's line is not JSON"],
  ])("that %s is damaged", (_, text, message) => {
    expect(() => parseOffsetEntry(text)).toThrow(message);
  });
});

describe("an entry of the commit log", () => {
  it("is read with and without its second line", () => {
    parseCommitEntry(real("bronze/commits/13"));
    parseCommitEntry("v1");
  });

  it.each(["", "{}", 'v1\n{"nextBatch'])("that is %j is damaged", (text) => {
    expect(() => parseCommitEntry(text)).toThrow();
  });
});

describe("the file metadata", () => {
  it("holds the query's id", () => {
    expect(parseQueryId(real("bronze/metadata"))).toBe("1cdde9e1-1bcd-48e3-8378-1fa531d6dbad");
  });

  it.each(["", "{", "{}", '{"id":""}', '{"id":"q"}', '{"id":7}'])("that is %j is damaged", (text) => {
    expect(() => parseQueryId(text)).toThrow();
  });
});
