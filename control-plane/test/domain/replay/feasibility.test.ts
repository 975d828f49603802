import { describe, expect, it } from "vitest";
import { diskFeasibility, estimateTime, kafkaFeasibility } from "../../../src/domain/replay/feasibility.ts";

const TOPIC = new Map([
  [0, { earliest: 100n, latest: 500n }],
  [1, { earliest: 0n, latest: 20n }],
]);
const all = (rows: bigint) => ({ "sales.silver": rows, "sales.gold": rows, "sales.dq": rows });
const [HOUR, DAY] = [3_600_000, 86_400_000];

describe("what Kafka still holds", () => {
  it("ends when the first of the records to be read may be deleted", () => {
    const at = Date.parse("2026-11-20T00:00:00Z");
    const found = kafkaFeasibility({ "0": "100", "1": "0" }, TOPIC, { "0": at, "1": at - HOUR }, DAY);
    expect(found).toMatchObject({ needed: true, missing: [], until: "2026-11-20T23:00:00.000Z" });
    expect(found.earliest).toEqual({ "0": "100", "1": "0" });
  });

  it("names the partitions whose records are gone, or have not come yet", () => {
    const found = kafkaFeasibility({ "0": "99", "1": "21", "7": "0" }, TOPIC, { "0": 0 }, DAY);
    expect(found.missing).toEqual([
      { partition: "0", wanted: "99", earliest: "100", latest: "500" },
      { partition: "1", wanted: "21", earliest: "0", latest: "20" },
    ]);
    expect(found.until).toBeNull();
  });

  it("never ends where Kafka keeps everything, and takes the end of a partition for a place to begin", () => {
    expect(kafkaFeasibility({ "0": "500" }, TOPIC, {}, null)).toMatchObject({ missing: [], until: null });
  });
});

describe("the room that a replay needs", () => {
  it("is that of the tables and of the copies, and leaves some for the live jobs", () => {
    const [gb, half] = [1024n ** 3n, 1024n ** 3n / 2n];
    expect(diskFeasibility([gb, gb], [gb], 4n * gb)).toEqual({
      tables: String(2n * gb),
      copies: String(gb),
      needed: String(3n * gb + half),
      free: String(4n * gb),
      enough: true,
    });
    expect(diskFeasibility([gb], [], gb).enough).toBe(false);
  });
});

describe("the time that a replay takes", () => {
  it("is that of the slowest job", () => {
    const found = estimateTime(all(100_000n), {
      "sales.silver": { rows: 20_000, ms: 2_000 },
      "sales.gold": { rows: 20_000, ms: 4_000 },
      "sales.dq": null,
    });
    expect(found).toMatchObject({ seconds: 30, rowsPerSecond: 5_000 });
    expect(found.basis).toContain("sales.gold: 20000 rows in 4000 ms");
  });

  it("is that of the job which takes longest, however fast it is", () => {
    const rates = { "sales.silver": { rows: 20_000, ms: 2_000 }, "sales.gold": { rows: 20_000, ms: 1_000 } };
    const found = estimateTime({ "sales.silver": 1_000n, "sales.gold": 100_000n }, rates);
    expect(found).toMatchObject({ seconds: 15, rowsPerSecond: 20_000 });
  });

  it("is not known where nothing was measured", () => {
    expect(estimateTime(all(1n), { "sales.gold": null })).toMatchObject({ seconds: null, rowsPerSecond: null });
  });
});
