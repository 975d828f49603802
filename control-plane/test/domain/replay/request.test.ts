import { describe, expect, it } from "vitest";
import { type ReplayBody, readReplayRequest, writeReplayRequest } from "../../../src/domain/replay/request.ts";
import { JOBS } from "./sales.ts";

const NOW = new Date("2026-11-26T00:00:00Z");
const read = (body: Omit<ReplayBody, "job">) => readReplayRequest({ job: "sales.silver", ...body }, JOBS, NOW);
const errorsOf = (body: Omit<ReplayBody, "job">) => {
  const answer = read(body);
  return "errors" in answer ? answer.errors : expect.fail("it was taken");
};

describe("a request for a replay", () => {
  it("is from the beginning, with a bound and a time to keep the old generation, unless it says otherwise", () => {
    expect(read({})).toEqual({
      request: {
        job: "sales.silver",
        from: { kind: "beginning" },
        to: null,
        rules: {},
        specs: {},
        gates: {},
        autoPromote: false,
        liveLagBoundMs: 30_000,
        keepMs: 7 * 86_400_000,
      },
    });
  });

  it("is written as it was read", () => {
    const body = {
      from: { offsets: { "0": "007", "1": "3" } },
      to: { timestamp: "2026-11-25T00:00:00Z" },
      rules: { allowedLateness: "20m", aliases: { plan_tier: { gold: "enterprise" } } },
      specs: {
        "sales.silver": { limits: { maxFilesPerTrigger: 16 }, trigger: "1m", restart: { within: "1h" } },
        "sales.gold": { application: "dedicated", drainTimeout: "2m" },
      },
      gates: { maxWindowsChanged: 0 },
      autoPromote: true,
      liveLagBound: "10s",
      keep: "1d",
    };
    const answer = read(body);
    const written = "request" in answer ? writeReplayRequest(answer.request) : expect.fail("refused");
    expect(written).toEqual({ job: "sales.silver", ...body, from: { offsets: { "0": "7", "1": "3" } } });
  });

  it.each([
    ["two places to begin", { from: { beginning: true, version: "3" } }, "body.from"],
    ["none", { from: {} }, "body.from"],
    ["one that is not meant", { from: { beginning: false } }, "body.from"],
    ["a moment in the future", { from: { timestamp: "2026-11-26T00:00:01Z" } }, "body.from.timestamp"],
    ["a moment without a zone", { from: { timestamp: "2026-11-25T00:00:00" } }, "body.from.timestamp"],
    ["two places to end", { to: { timestamp: "2026-11-25T00:00:00Z", version: "3" } }, "body.to"],
    ["an end at none", { to: {} }, "body.to"],
    ["an end in the future", { to: { timestamp: "2026-11-26T00:00:01Z" } }, "body.to.timestamp"],
    ["an end at no offset", { to: { offsets: { "0": "last" } } }, "body.to.offsets.0"],
    ["an offset that is no number", { from: { offsets: { "0": "last" } } }, "body.from.offsets.0"],
    ["a partition that is no number", { from: { offsets: { first: "0" } } }, "body.from.offsets.first"],
    ["a spec of an unknown job", { specs: { "sales.bonze": {} } }, "body.specs"],
    ["a spec of what every object has", { specs: { constructor: {} } }, "body.specs"],
    [
      "a limit of another source",
      { specs: { "sales.silver": { limits: { maxOffsetsPerTrigger: 5 } } } },
      "body.specs.sales.silver.limits.maxOffsetsPerTrigger",
    ],
    [
      "a limit of nothing",
      { specs: { "sales.silver": { limits: { maxFilesPerTrigger: 0 } } } },
      "body.specs.sales.silver.limits.maxFilesPerTrigger",
    ],
    ["a bound of nothing", { liveLagBound: "0s" }, "body.liveLagBound"],
    ["no duration", { keep: "forever" }, "body.keep"],
    ["a gate of an unknown currency", { gates: { maxRevenueChange: { GBP: "1.00" } } }, "body.gates.maxRevenueChange"],
    [
      "an alias for no value",
      { rules: { aliases: { plan_tier: { gold: "platinum" } } } },
      "body.rules.aliases.plan_tier.gold",
    ],
    ["aliases of no column", { rules: { aliases: { tier: {} } } }, "body.rules.aliases.tier"],
    [
      "an alias that silver would not meet",
      { rules: { aliases: { region: { mars: "EU" } } } },
      "body.rules.aliases.region.mars",
    ],
    ["a rule that is no duration", { rules: { allowedLateness: "soon" } }, "body.rules.allowedLateness"],
  ])("is refused for %s, naming the field", (_, body, field) => {
    const errors = errorsOf(body);
    expect(errors.map((error) => error.field)).toEqual([field]);
    expect(errors[0]?.expected).not.toBe("");
  });

  it("names everything that is wrong at once", () => {
    expect(errorsOf({ keep: "x", liveLagBound: "y" })).toHaveLength(2);
  });
});
