import { expect, it } from "vitest";
import { topicProblem } from "../../src/domain/topic-problem.ts";

const topic = (...partitions: [earliest: bigint, latest: bigint][]) =>
  new Map(partitions.map(([earliest, latest], partition) => [partition, { earliest, latest }]));

it("finds none while the topic goes on where it was read", () => {
  expect(topicProblem("t", topic([0n, 12n], [3n, 5n]), { "0": "12", "1": "3" })).toBeNull();
  expect(topicProblem("t", topic([0n, 12n]), {})).toBeNull();
});

it("sees that a topic was deleted and made anew, because it ends below what was read", () => {
  const problem = topicProblem("t", topic([0n, 5n], [0n, 9n]), { "0": "12", "1": "9" });
  expect(problem?.text).toMatch(/deleted and made anew: partition 0 was read up to 12 and ends at 5\./);
  expect(problem?.text).toContain("nothing of it is lost");
  expect(problem?.waysOut.length).toBeGreaterThan(1);
});

it("sees that a topic was made anew with fewer partitions", () => {
  expect(topicProblem("t", topic([0n, 5n]), { "0": "5", "1": "9" })?.text).toContain(
    "partition 1 was read up to 9 and is gone",
  );
});

it("tells how many records retention removed before they were read", () => {
  const problem = topicProblem("t", topic([20n, 30n]), { "0": "12" });
  expect(problem?.text).toContain("partition 0: 8 records from 12 on");
});

it("says that there is no such topic", () => {
  expect(topicProblem("t", topic(), { "0": "12" })?.text).toContain("t does not exist");
  expect(topicProblem("t", topic(), {})?.waysOut.length).toBeGreaterThan(0);
});
