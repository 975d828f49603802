import { describe, expect, it } from "vitest";
import { aheadOfAll, behindAll, hasPassed, recordsBetween } from "../../../src/domain/replay/offsets.ts";

const BIG = "9007199254740993";

describe("positions in a topic", () => {
  it("have passed another one where no partition is behind it", () => {
    expect(hasPassed({ "0": "5", "1": BIG }, { "0": "5", "1": BIG })).toBe(true);
    expect(hasPassed({ "0": "9", "1": "9007199254740992" }, { "0": "5", "1": BIG })).toBe(false);
    expect(hasPassed({ "0": "9" }, { "0": "5", "1": "1" })).toBe(false);
    expect(hasPassed({ "0": "9" }, { "0": "5", "1": "0" })).toBe(true);
    expect(hasPassed({}, {})).toBe(true);
  });

  it("have one behind all and one ahead of all, partition by partition", () => {
    const vectors = [
      { "0": "10", "2": "7" },
      { "0": "9", "10": "3", "2": "8" },
    ];
    expect(behindAll(vectors)).toEqual({ "0": "9", "2": "7", "10": "0" });
    expect(aheadOfAll(vectors)).toEqual({ "0": "10", "2": "8", "10": "3" });
    expect(behindAll([])).toEqual({});
  });

  it("lie a number of records apart, none where the first is beyond the second", () => {
    expect(recordsBetween({ "0": "5", "1": "9" }, { "0": "8", "1": "7" })).toBe(3n);
    expect(recordsBetween({}, { "0": BIG })).toBe(BigInt(BIG));
  });
});
