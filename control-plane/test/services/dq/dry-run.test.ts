import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseRules } from "../../../src/domain/dq/rules-file.ts";
import { DryRun, type DryRunRequest } from "../../../src/services/dq/dry-run.ts";
import { ruleSet } from "../../../src/services/dq/rule-set.ts";
import { openQualityLake, type QualityLake } from "../../fixtures/quality-lake.ts";
import { rowsSql } from "../../fixtures/rule-cases.ts";

const AMOUNT =
  "{ id: amount, kind: range, description: Odd, severity: warning, column: amount, max: 10000, outcomes: all, threshold: { count: 0 } }";
const REGION =
  "{ id: region, kind: domain, description: Odd, severity: info, column: region, allowed: [EU], outcomes: all, threshold: { rate: 0.2 } }";
const FRESH = "{ id: fresh, kind: freshness, description: Old, severity: info, maxAge: 5m }";
const file = (...rules: string[]) => `rules:\n${rules.map((rule) => `  - ${rule}`).join("\n")}`;
const rule = {
  id: "amount",
  kind: "range",
  description: "Odd",
  severity: "warning",
  column: "amount",
  max: 10_000.01,
  outcomes: "all",
  threshold: { count: 0 },
};
const DAY = { from: "2026-11-21T00:00:00Z", to: "2026-11-22T00:00:00Z" };

let lake: QualityLake;
let dryRun: DryRun;

beforeAll(async () => {
  lake = await openQualityLake();
  // The rows twice: as they are, and an hour later.
  await lake.silver(`SELECT * FROM ${rowsSql()}`);
  await lake.silver(
    `SELECT * REPLACE (kafka_timestamp + INTERVAL 1 HOUR AS kafka_timestamp) FROM ${rowsSql()} WHERE "offset" < 6`,
  );
  dryRun = new DryRun({
    set: ruleSet(parseRules(file(AMOUNT, REGION, FRESH))),
    snapshots: lake.snapshots,
    clock: { now: () => new Date("2026-11-21T02:00:00Z") },
  });
});

afterAll(() => lake.close());

const complaints = async (request: DryRunRequest) => {
  const problem = await dryRun.check(request).then(
    () => expect.fail("it was accepted"),
    (error) => error,
  );
  expect(problem.details).toMatchObject({ status: 400, code: "invalid_request" });
  return problem.details.errors;
};

describe("a dry run", () => {
  it("counts what a changed rule would have counted, interval by interval, beside the present one", async () => {
    const { items, ...rest } = await dryRun.check({ rule, ...DAY });
    expect(rest).toMatchObject({ grain: "1h", snapshot: { tables: { "silver.sales_events": { version: 1 } } } });
    expect(items).toEqual([
      {
        id: "amount",
        change: "changed",
        note: null,
        total: {
          given: { checked: "24", failures: "1", rate: 1 / 24, verdict: "breached" },
          present: { checked: "24", failures: "2", rate: 2 / 24, verdict: "breached" },
        },
        intervals: [
          {
            start: "2026-11-21T00:00:00Z",
            given: { checked: "18", failures: "1", rate: 1 / 18, verdict: "breached" },
            present: { checked: "18", failures: "2", rate: 2 / 18, verdict: "breached" },
          },
          {
            start: "2026-11-21T01:00:00Z",
            given: { checked: "6", failures: "0", rate: 0, verdict: "ok" },
            present: { checked: "6", failures: "0", rate: 0, verdict: "ok" },
          },
        ],
      },
    ]);
  });

  it("says of a whole file what is new, changed, as it was, and gone", async () => {
    const added = AMOUNT.replace("id: amount", "id: more");
    const { items, revision } = await dryRun.check({ file: file(AMOUNT, FRESH, added), ...DAY });
    expect(items.map(({ id, change }) => `${id} ${change}`)).toEqual([
      "amount unchanged",
      "fresh unchanged",
      "more new",
      "region removed",
    ]);
    expect(items[1]).toMatchObject({ note: expect.stringContaining("form"), total: { given: null, present: null } });
    expect(items[2]?.total).toMatchObject({ given: { checked: "24" }, present: null });
    expect(items[3]?.total).toMatchObject({ given: null, present: { checked: "24", failures: "3" } });
    expect(revision.given).not.toBe(revision.present);
  });

  it("tells by the revision whether the dq job would have to begin anew", async () => {
    const sameCounts = await dryRun.check({ rule: { ...rule, max: 10_000, threshold: { rate: 0.5 } }, ...DAY });
    expect(sameCounts.items[0]?.change).toBe("changed");
    expect(sameCounts.revision.given).toBe(sameCounts.revision.present);
    const others = await dryRun.check({ rule, ...DAY });
    expect(others.revision.given).not.toBe(others.revision.present);
  });

  it("keeps to the time that is asked for: the last day unless it says otherwise", async () => {
    const { from, items } = await dryRun.check({ rule });
    expect(from).toBe("2026-11-20T02:00:00Z");
    expect(items[0]?.total.given?.checked).toBe("24");
    const short = await dryRun.check({ rule, from: "2026-11-21T00:00:10.000001Z", to: DAY.to });
    expect(short.items[0]?.total.given?.checked).toBe("6");
  });

  it.each([
    [{}, "body.rule"],
    [{ rule, file: "rules: []" }, "body.rule"],
    [{ rule: [] }, "body.rule"],
    [{ rule: { ...rule, colunm: "amount" } }, "body.rule.colunm"],
    [{ rule: { ...rule, column: "password" } }, "body.rule.column"],
    [{ rule: { ...rule, max: "a lot" } }, "body.rule.max"],
    [{ rule: { ...rule, max: "1e400" } }, "body.rule.max"],
    [{ rule: { ...rule, threshold: { rate: 2 } } }, "body.rule.threshold.rate"],
    [{ rule: { ...rule, when: { amount: ["1"] } } }, "body.rule.when.amount"],
    [{ file: "rules: [" }, "body.file"],
    [{ file: file(AMOUNT, AMOUNT) }, "body.file.rules[1].id"],
    [{ rule, grain: "1s", ...DAY }, "body.grain"],
    [{ rule, from: "yesterday" }, "body.from"],
    [{ rule, to: "9999-12-31T23:59:59-14:00" }, "body.to"],
    [{ file: "rules: *x" }, "body.file"],
  ])("refuses %j and names %s", async (request, field) => {
    expect((await complaints(request as DryRunRequest)).map((error: { field: string }) => error.field)).toContain(
      field,
    );
  });

  it("answers about a table that does not exist yet", async () => {
    const empty = await openQualityLake();
    const early = new DryRun({ set: ruleSet([]), snapshots: empty.snapshots, clock: { now: () => new Date() } });
    const { items } = await early.check({ rule });
    expect(items[0]?.total.given).toEqual({ checked: "0", failures: "0", rate: null, verdict: "unknown" });
    empty.close();
  });
});
