import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseRules } from "../../../src/domain/dq/rules-file.ts";
import { ruleSet } from "../../../src/services/dq/rule-set.ts";
import { createQualitySummary, type DataQualitySummary } from "../../../src/services/dq/summary.ts";
import { openQualityLake, type QualityLake } from "../../fixtures/quality-lake.ts";

const RULES = `
rules:
  - { id: few-bad, kind: domain, description: Bad, severity: warning, column: region, allowed: [EU], outcomes: all, threshold: { rate: 0.1 } }
  - { id: fresh, kind: freshness, description: Old, severity: critical, maxAge: 5m }
`;

let lake: QualityLake;
let quality: DataQualitySummary;
const clock = { now: () => new Date("2026-11-21T12:34:56Z") };

beforeAll(async () => {
  lake = await openQualityLake();
  quality = createQualitySummary({ set: ruleSet(parseRules(RULES)), snapshots: lake.snapshots, clock });
  const batches = [
    ["2026-11-20T09:59:59Z", [10, 10]],
    ["2026-11-21T10:00:00Z", [90, 9]],
    ["2026-11-21T10:59:59.999999Z", [10, 1]],
    ["2026-11-21T12:00:00Z", [100, 11]],
  ] as const;
  for (const [at, [checked, failures]] of batches) {
    const rules: Record<string, [number, number]> = { "few-bad": [checked, failures] };
    if (at.includes("T12")) rules["of-old"] = [5, 5];
    await lake.measure({ at, accepted: checked, duplicates: 2, rules });
  }
});

afterAll(() => lake.close());

describe("the summary", () => {
  it("tells each rule and each outcome by the hour of the last day", async () => {
    const answer = await quality.summary({});
    expect(answer).toMatchObject({ from: "2026-11-20T12:34:56Z", to: "2026-11-21T12:34:56Z", grain: "1h" });
    expect(answer.rules).toEqual([
      {
        id: "few-bad",
        declared: true,
        total: { checked: "200", failures: "21", rate: 0.105, verdict: "breached" },
        intervals: [
          { start: "2026-11-21T10:00:00Z", checked: "100", failures: "10", rate: 0.1, verdict: "ok" },
          { start: "2026-11-21T12:00:00Z", checked: "100", failures: "11", rate: 0.11, verdict: "breached" },
        ],
      },
      {
        id: "of-old",
        declared: false,
        total: { checked: "5", failures: "5", rate: 1, verdict: "unknown" },
        intervals: [{ start: "2026-11-21T12:00:00Z", checked: "5", failures: "5", rate: 1, verdict: "unknown" }],
      },
    ]);
    expect(answer.outcomes.map(({ start, batches, records }) => [start, batches, records])).toEqual([
      ["2026-11-21T10:00:00Z", 2, "104"],
      ["2026-11-21T12:00:00Z", 1, "102"],
    ]);
    expect(answer.totals).toMatchObject({ records: "206", outcomes: { accepted: "200", duplicates: "6", late: "0" } });
    expect(answer.snapshot.tables).toEqual({ "dq.revenue_5m.metrics": { version: 3 } });
  });

  it("keeps to the range and the grain that are asked for", async () => {
    const { rules } = await quality.summary({ from: "2026-11-21T10:00:00Z", to: "2026-11-21T12:00:00Z", grain: "1m" });
    expect(rules[0]?.intervals.map(({ start, checked }) => `${start} ${checked}`)).toEqual([
      "2026-11-21T10:00:00Z 90",
      "2026-11-21T10:59:00Z 10",
    ]);
  });

  it.each([
    [{ from: "soon" }, "from"],
    [{ to: "9999-12-31T23:59:59Z" }, "to"],
    [{ from: "2026-11-22T00:00:00Z", to: "2026-11-21T00:00:00Z" }, "from"],
    [{ grain: "often" }, "grain"],
    [{ grain: "10ms" }, "grain"],
    [{ grain: "1s" }, "grain"],
  ])("refuses %j and names the field", async (request, field) => {
    await expect(quality.summary(request)).rejects.toMatchObject({ details: { status: 400, errors: [{ field }] } });
  });
});
