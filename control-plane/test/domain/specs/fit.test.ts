import { describe, expect, it } from "vitest";
import type { ApplicationSpec } from "../../../src/domain/specs/application-spec.ts";
import { shortageOf } from "../../../src/domain/specs/fit.ts";

const size = (cores: number, driverMemory: string, executorMemory: string): ApplicationSpec => ({
  cores,
  driverMemory,
  executorMemory,
  shufflePartitions: 2,
  settings: {},
});
const sales = { application: "sales", spec: size(2, "800m", "800m") };
const laptop = { cores: 4, memoryMb: 3072 };

describe("an application on a cluster", () => {
  it("fits when driver and executor have room on the one worker", () => {
    expect(shortageOf(sales, [], [laptop])).toBeNull();
    expect(shortageOf({ ...sales, spec: size(3, "1g", "2g") }, [], [laptop])).toBeNull();
  });

  it("fits when its executors can be spread over workers", () => {
    expect(shortageOf({ ...sales, spec: size(7, "1g", "2g") }, [], [laptop, laptop])).toBeNull();
  });

  it.each<[string, ApplicationSpec, RegExp]>([
    ["a driver larger than any worker", size(1, "4g", "1g"), /driver needs 1 core and 4096 MB.*4 cores and 3072 MB/],
    [
      "an executor larger than any worker",
      size(1, "1g", "64g"),
      /an executor needs 65536 MB.*the worker has 4 cores and 3072 MB/,
    ],
    ["more cores than there are", size(4, "800m", "800m"), /ask for 4 cores and 800 MB each.*room for 3 cores/],
    [
      "an executor that fits alone, but not beside the driver",
      size(1, "2g", "2g"),
      /beside its driver \(1 core, 2048 MB\) there is room for 0 cores/,
    ],
  ])("does not fit with %s", (_, spec, text) => {
    expect(shortageOf({ application: "big", spec }, [], [laptop])).toMatch(text);
  });

  it("does not fit beside others that want to run, with the figures of each", () => {
    const own = { application: "sales.gold", spec: size(1, "600m", "600m") };
    expect(shortageOf(own, [sales], [laptop])).toBe(
      "drivers and executors ask for 5 cores and 2800 MB together (sales.gold 2 cores and 1200 MB; sales 3 cores and 1600 MB), and the workers have 4 cores and 3072 MB",
    );
    expect(shortageOf(own, [{ ...sales, spec: size(1, "800m", "800m") }], [laptop])).toBeNull();
  });

  it("does not fit where no worker lives", () => {
    expect(shortageOf(sales, [], [])).toMatch(/no live worker/);
  });
});
