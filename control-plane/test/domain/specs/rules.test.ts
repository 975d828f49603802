import { expect, it } from "vitest";
import { rulesAt } from "../../../src/domain/specs/rules.ts";

const RULES = {
  allowedLatenessMs: 10,
  allowedSkewMs: 5,
  bounded: [
    { from: { "0": "3", "1": "0" }, to: { "0": "5", "1": "2" }, rules: { allowedLatenessMs: 20 } },
    { from: null, to: { "0": "4" }, rules: { allowedLatenessMs: 30, allowedSkewMs: 6 } },
  ],
};

it.each([
  [0, "2", 30, 6],
  [0, "3", 20, 6],
  [0, "4", 20, 5],
  [0, "5", 10, 5],
  [1, "1", 20, 5],
  [1, "2", 10, 5],
  [2, "0", 10, 5],
])("of partition %s the record %s is judged by its stretch's rules", (partition, offset, lateness, skew) => {
  const { allowedLatenessMs, allowedSkewMs } = rulesAt(RULES, partition, offset);
  expect([allowedLatenessMs, allowedSkewMs]).toEqual([lateness, skew]);
});
