import { describe, expect, it } from "vitest";
import { lagByPartition, totalLag } from "../../src/domain/lag.ts";

const now = new Date("2026-11-21T12:00:10Z");
const topic = new Map([
  [1, { earliest: 0n, latest: 50n }],
  [0, { earliest: 5n, latest: 20n }],
]);

describe("lag", () => {
  it("counts from the oldest record that Kafka has when nothing was committed, and knows no time", () => {
    const partitions = lagByPartition(topic, null, now);
    expect(partitions.map(({ partition, committed, lagRecords }) => [partition, committed, lagRecords])).toEqual([
      [0, null, "15"],
      [1, null, "50"],
    ]);
    expect(totalLag(partitions)).toEqual({ records: "65", seconds: null });
  });

  it("is measured in seconds from what was read last, and is zero where nothing is left", () => {
    const position = {
      through: { "0": "20", "1": "48" },
      lowWatermark: "2026-11-21T12:00:02Z",
      lastTimestamps: { "1": "2026-11-21T12:00:06.500Z" },
    };
    expect(lagByPartition(topic, position, now)).toEqual([
      { partition: 0, earliest: "5", committed: "20", latest: "20", lagRecords: "0", lagSeconds: 0 },
      { partition: 1, earliest: "0", committed: "48", latest: "50", lagRecords: "2", lagSeconds: 3.5 },
    ]);
  });

  it("uses the low watermark where partitions' own times are not known", () => {
    const position = { through: { "0": "20", "1": "48" }, lowWatermark: "2026-11-21T12:00:02Z", lastTimestamps: {} };
    expect(totalLag(lagByPartition(topic, position, now))).toEqual({ records: "2", seconds: 8 });
  });

  it("is no older than the unread records, where it is known when they were not there yet", () => {
    const position = { through: { "0": "20", "1": "48" }, lowWatermark: "2026-11-21T11:00:00Z", lastTimestamps: {} };
    const emptyBeyond = (partition: number, offset: bigint) =>
      partition === 1 && offset === 48n ? now.getTime() - 1_500 : null;
    expect(totalLag(lagByPartition(topic, position, now, emptyBeyond))).toEqual({ records: "2", seconds: 1.5 });
  });

  it("keeps offsets exact beyond the integers of a double", () => {
    const large = new Map([[0, { earliest: 0n, latest: 9_007_199_254_740_995n }]]);
    const position = { through: { "0": "9007199254740993" }, lowWatermark: null, lastTimestamps: {} };
    expect(totalLag(lagByPartition(large, position, now)).records).toBe("2");
  });
});
