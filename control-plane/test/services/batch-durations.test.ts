import { describe, expect, it } from "vitest";
import { BatchDurations } from "../../src/services/batch-durations.ts";

describe("durations of batches", () => {
  it("are those of the last ten of a run", () => {
    const durations = new BatchDurations();
    for (let batch = 0; batch < 12; batch += 1) durations.note("sales.gold", 3, batch);
    expect(durations.of("sales.gold", 3)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(durations.of("sales.silver", 3)).toEqual([]);
  });

  it("begin anew with each run, whatever its predecessor still has to say", () => {
    const durations = new BatchDurations();
    durations.note("sales.gold", 3, 40_000);
    durations.note("sales.gold", 4, 500);
    durations.note("sales.gold", 3, 40_000);
    expect(durations.of("sales.gold", 4)).toEqual([500]);
    expect(durations.of("sales.gold", 3)).toEqual([]);
  });
});
