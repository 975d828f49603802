import { describe, expect, it } from "vitest";
import { kafkaNotNeeded } from "../../../src/domain/replay/feasibility.ts";
import { hashedText, type ReplayPlan } from "../../../src/domain/replay/plan.ts";
import type { ReplayRequest } from "../../../src/domain/replay/request.ts";

const REQUEST: ReplayRequest = {
  job: "sales.gold",
  from: { kind: "beginning" },
  to: null,
  rules: {},
  specs: {},
  gates: {},
  autoPromote: false,
  liveLagBoundMs: 30_000,
  keepMs: 1,
};
const PLAN: ReplayPlan = {
  pipeline: "sales",
  job: "sales.gold",
  generation: 2,
  parent: 1,
  jobs: [{ job: "sales.gold", rows: "10", specRevision: 1, drainTimeoutMs: 1 }],
  tables: [{ table: "gold.revenue_5m", from: "gen=1/gold.revenue_5m", to: "gen=2/gold.revenue_5m" }],
  shared: [],
  start: { "0": "0" },
  end: null,
  position: { "0": "10" },
  rules: { stored: { allowedLatenessMs: 600_000 }, changes: [] },
  overrides: { count: 1, numbers: [3] },
  kafka: kafkaNotNeeded(new Map()),
  disk: { tables: "1", copies: "1", needed: "2", free: "9", enough: true },
  time: { seconds: 1, rowsPerSecond: 1, basis: "" },
  warnings: [],
};
const hashed = (plan: Partial<ReplayPlan>, request: Partial<ReplayRequest> = {}) =>
  hashedText({ ...REQUEST, ...request }, { ...PLAN, ...plan });

describe("what the hash of a plan covers", () => {
  it("is nothing that moves by itself", () => {
    const moved: Partial<ReplayPlan> = {
      jobs: [{ job: "sales.gold", rows: "999", specRevision: 1, drainTimeoutMs: 1 }],
      start: { "0": "4" },
      position: { "0": "999" },
      kafka: kafkaNotNeeded(new Map([[0, { earliest: 4n, latest: 999n }]])),
      disk: { ...PLAN.disk, free: "1" },
      time: { seconds: 7, rowsPerSecond: 2, basis: "other" },
      warnings: ["late"],
    };
    expect(hashed(moved)).toBe(hashed({}));
  });

  it.each([
    ["the number of the generation", { generation: 3 }, {}],
    ["the generation before", { parent: 7 }, {}],
    ["a job's spec", { jobs: [{ job: "sales.gold", rows: "10", specRevision: 2, drainTimeoutMs: 1 }] }, {}],
    ["where a table will be", { tables: [] }, {}],
    ["the rules", { rules: { ...PLAN.rules, stored: { allowedLatenessMs: 1 } } }, {}],
    ["the overrides", { overrides: { count: 2, numbers: [3, 4] } }, {}],
    ["the gates", {}, { gates: { maxWindowsChanged: 1 } }],
    ["whether it promotes by itself", {}, { autoPromote: true }],
    ["the specs of shadows", {}, { specs: { "sales.gold": { limits: { maxFilesPerTrigger: 1 } } } }],
  ] as [string, Partial<ReplayPlan>, Partial<ReplayRequest>][])("is %s", (_, plan, request) => {
    expect(hashed(plan, request)).not.toBe(hashed({}));
  });

  it("is where it begins, where somebody has chosen that", () => {
    const from = { kind: "offsets", offsets: { "0": "4" } } as const;
    expect(hashed({ start: { "0": "4" } }, { from })).not.toBe(hashed({ start: { "0": "5" } }, { from }));
  });
});
