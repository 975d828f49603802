import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { summariseProgress } from "../../src/domain/progress-summary.ts";

const real = JSON.parse(readFileSync(join(import.meta.dirname, "../fixtures/silver-progress.json"), "utf8"));

it("picks the figures of a batch from Spark's progress", () => {
  expect(summariseProgress(real)).toEqual({
    batchId: "3",
    rowsIn: 776,
    inputRowsPerSecond: 95.1,
    processedRowsPerSecond: 88.1,
    durationsMs: {
      triggerExecution: 8796,
      latestOffset: 54,
      queryPlanning: 355,
      getBatch: 70,
      walCommit: 9,
      addBatch: 8290,
      commitOffsets: 9,
    },
    stateRows: 2100,
  });
});

it("leaves out what a report does not say", () => {
  expect(summariseProgress({ batchId: 7, inputRowsPerSecond: "NaN", durationMs: { latestOffset: 3 } })).toEqual({
    batchId: "7",
    rowsIn: 0,
    inputRowsPerSecond: null,
    processedRowsPerSecond: null,
    durationsMs: { latestOffset: 3 },
    stateRows: null,
  });
  expect(summariseProgress({ text: "compacted" })).toBeNull();
});
