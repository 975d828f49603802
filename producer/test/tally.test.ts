import { expect, test } from "vitest";
import { Tally } from "../src/tally.ts";

test("a summary counts by kind and variant, with seconds and rate", () => {
  const tally = new Tally();
  const record = { key: "acc-1", value: null };
  for (let i = 0; i < 1_500; i += 1) tally.add({ ...record, kind: "plain" });
  tally.add({ ...record, kind: "undecodable", variant: "null" });
  tally.add({ ...record, kind: "undecodable", variant: "empty" });
  tally.add({ ...record, kind: "undecodable", variant: "null" });
  expect(tally.sent).toBe(1_503);
  expect(tally.progress(500)).toBe("1,503 events sent, 3,006/s");
  expect(tally.summary(2_000).split("\n")).toEqual([
    "Sent 1,503 events in 2.0 s: 752 events/s",
    "  plain              1,500",
    "  undecodable            3  empty 1, null 2",
  ]);
});

test("a summary of nothing says so", () => {
  expect(new Tally().summary(0)).toBe("Sent 0 events in 0.0 s: 0 events/s");
});
