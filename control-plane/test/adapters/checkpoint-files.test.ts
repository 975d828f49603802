import { join } from "node:path";
import { expect, it } from "vitest";
import { createCheckpointFiles } from "../../src/adapters/checkpoint-files.ts";
import { inspectCheckpoint } from "../../src/domain/checkpoint/inspection.ts";

const fixture = (name: string) => join(import.meta.dirname, "../fixtures/checkpoints", name);
const reader = createCheckpointFiles();

it("reads a checkpoint that Spark wrote while a batch was running", async () => {
  const report = inspectCheckpoint(await reader.read(fixture("bronze")), 13n);
  expect(report).toMatchObject({
    queryId: "1cdde9e1-1bcd-48e3-8378-1fa531d6dbad",
    offsets: { newest: 14n, oldest: 11n, count: 4, gaps: [] },
    commits: { newest: 13n, oldest: 11n, count: 3, gaps: [] },
    inFlight: 14n,
    damage: [],
    next: { action: "repeat", batch: 14n },
  });
});

it("measures a checkpoint and the state of each operator", async () => {
  const size = await reader.measure(fixture("silver"));
  expect(size.files).toBe(8);
  expect(size.state).toHaveLength(1);
  const [state] = size.state;
  expect(state).toMatchObject({ operator: "0", name: "dedupeWithinWatermark" });
  expect([...(state?.partitions ?? [])].sort()).toEqual(["0", "1"]);
  expect(state?.bytes).toBeLessThan(size.bytes);
});

it("finds nothing where no checkpoint is", async () => {
  const report = inspectCheckpoint(await reader.read(fixture("none")), null);
  expect(report.next).toEqual({ action: "begin" });
  expect(await reader.measure(fixture("none"))).toEqual({ bytes: 0, files: 0, state: [] });
});
