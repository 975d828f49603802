import { describe, expect, it } from "vitest";
import { type JobSpecText, readJobSpec, writeJobSpec } from "../../../src/domain/specs/job-spec.ts";
import { StrictReader } from "../../../src/domain/strict-reader.ts";

const gold: JobSpecText = {
  kind: "gold",
  application: "sales",
  trigger: "0s",
  limits: { maxFilesPerTrigger: 64 },
  options: {},
  reads: ["silver.sales_events"],
  writes: ["gold.revenue_5m_updates", "gold.revenue_5m"],
  restart: { maxFailures: 5, within: "10m", backoff: "1s", maxBackoff: "1m" },
  drainTimeout: "30s",
};
const bronze = { ...gold, kind: "bronze", reads: [], limits: { maxOffsetsPerTrigger: 1000 } };

function read(document: object) {
  const reader = new StrictReader(document, "body");
  const spec = readJobSpec(reader);
  reader.refuseUnknownKeys();
  return { spec, complaints: reader.complaints };
}

describe("a job spec", () => {
  it.each([
    ["of a job that reads tables", gold],
    ["of a job that reads Kafka", bronze],
  ])("%s is written as it was read", (_, document) => {
    const { spec, complaints } = read(document);
    expect(complaints).toEqual([]);
    expect(writeJobSpec(spec)).toEqual(document);
  });

  it.each<[string, object, string, RegExp]>([
    [
      "a limit of Kafka where tables are read",
      { ...gold, limits: { maxOffsetsPerTrigger: 5 } },
      "body.limits.maxOffsetsPerTrigger",
      /known here: maxFilesPerTrigger, maxBytesPerTrigger$/,
    ],
    [
      "a limit of tables where Kafka is read",
      { ...bronze, limits: { maxFilesPerTrigger: 5 } },
      "body.limits.maxFilesPerTrigger",
      /known here: maxOffsetsPerTrigger$/,
    ],
    [
      "a limit of nothing",
      { ...gold, limits: { maxFilesPerTrigger: 0 } },
      "body.limits.maxFilesPerTrigger",
      /at least 1/,
    ],
    [
      "an option that decides what is read",
      { ...bronze, options: { startingOffsets: 1 } },
      "body.options.startingOffsets",
      /no such option of a job that reads Kafka; known here: minPartitions/,
    ],
    ["a duration in words", { ...gold, trigger: "five seconds" }, "body.trigger", /such as 500ms, 30s/],
    ["a trigger of days", { ...gold, trigger: "1d" }, "body.trigger", /at most 1h/],
    [
      "a drain that may take no time",
      { ...gold, drainTimeout: "0s" },
      "body.drainTimeout",
      /more than zero, at most 1h/,
    ],
    ["an unknown field", { ...gold, colour: "red" }, "body.colour", /no such key/],
    [
      "an unknown field of the restart policy",
      { ...gold, restart: { ...gold.restart, forever: true } },
      "body.restart.forever",
      /known here: maxFailures/,
    ],
    [
      "a longest wait below the first",
      { ...gold, restart: { ...gold.restart, backoff: "2m" } },
      "body.restart.maxBackoff",
      /at least backoff/,
    ],
  ])("refuses %s and names it", (_, document, path, expected) => {
    const { complaints } = read(document);
    expect(complaints.find((complaint) => complaint.path === path)?.expected).toMatch(expected);
  });
});
