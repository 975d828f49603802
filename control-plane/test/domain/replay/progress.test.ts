import { describe, expect, it } from "vitest";
import { progressOf } from "../../../src/domain/replay/progress.ts";

const mark = (seconds: number, offset: number) => ({ at: new Date(seconds * 1_000), through: { "0": String(offset) } });

describe("the progress of a shadow job", () => {
  it("is what it has read of what the live one has, with speed and time left", () => {
    const now = { shadow: mark(10, 600), live: mark(10, 1_100) };
    const before = { shadow: mark(0, 100), live: mark(0, 1_000) };
    expect(progressOf({ "0": "100" }, now, before)).toEqual({
      done: "500",
      total: "1000",
      percent: 50,
      rowsPerSecond: 50,
      etaSeconds: 13,
    });
  });

  it("knows no end while the live job is as fast, and none is left where it has passed it", () => {
    const slow = progressOf(
      {},
      { shadow: mark(10, 10), live: mark(10, 100) },
      { shadow: mark(0, 5), live: mark(0, 90) },
    );
    expect(slow.etaSeconds).toBeNull();
    const ahead = progressOf({}, { shadow: mark(10, 120), live: mark(10, 100) }, null);
    expect(ahead).toEqual({ done: "100", total: "100", percent: 100, rowsPerSecond: null, etaSeconds: 0 });
  });

  it("is whole where there is nothing to read", () => {
    expect(progressOf({}, { shadow: mark(1, 0), live: mark(1, 0) }, null).percent).toBe(100);
  });
});
