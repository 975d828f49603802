import { expect, it } from "vitest";
import { comparisons } from "../../src/domain/compatibility.ts";

const forward = "old reads new" as const;
const backward = "new reads old" as const;

it.each<[string | null, ReturnType<typeof comparisons>]>([
  ["BACKWARD", [{ version: 2, direction: backward }]],
  ["FORWARD", [{ version: 2, direction: forward }]],
  [
    "FULL",
    [
      { version: 2, direction: backward },
      { version: 2, direction: forward },
    ],
  ],
  [
    "BACKWARD_TRANSITIVE",
    [
      { version: 1, direction: backward },
      { version: 2, direction: backward },
    ],
  ],
  ["NONE", []],
  [null, []],
])("%s compares a new schema with the versions that it names", (level, expected) => {
  expect(comparisons(level, [1, 2])).toEqual(expected);
});
