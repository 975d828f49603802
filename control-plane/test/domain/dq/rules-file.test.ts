import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { RULE_KINDS } from "../../../src/domain/dq/rule.ts";
import { parseRules, RulesError } from "../../../src/domain/dq/rules-file.ts";

const root = new URL("../../../../", import.meta.url);
const sales = readFileSync(new URL("spark_jobs/penstock_jobs/pipelines/sales/dq-rules.yaml", root), "utf8");

function complaints(text: string): { path: string; value?: unknown; expected: string }[] {
  try {
    parseRules(text);
  } catch (error) {
    if (error instanceof RulesError) return error.complaints;
    throw error;
  }
  throw new Error("the rules were accepted");
}

/** One rule of the kind, with fields replaced, added or, where null, left out. */
function ruleWith(kind: string, change: Record<string, unknown>): string {
  const own: Record<string, object> = {
    completeness: { columns: ["event_id"] },
    domain: { column: "region", allowed: ["EU"] },
    range: { column: "amount", max: 5 },
    latency: { from: "event_time", to: "ingest_time", sla: "5m" },
    uniqueness: { column: "event_id" },
    schemaVersion: { versions: [1] },
    volume: { interval: "5m", baseline: "1h", leastRatio: 0.5, threshold: null },
    freshness: { maxAge: "5m", outcomes: null, threshold: null },
  };
  const base = { id: "a-rule", kind, description: "Odd", severity: "info", outcomes: "all", threshold: { count: 0 } };
  const fields = Object.entries({ ...base, ...own[kind], ...change }).filter(([, value]) => value !== null);
  return JSON.stringify({ rules: [Object.fromEntries(fields)] });
}

describe("a file of rules", () => {
  it.each([
    ["rules: *x", /x/],
    ["a: [", /flow/i],
    ["a: &a [x, x]\nb: &b [*a, *a]\nc: [".concat("*b, ".repeat(200), "]"), /alias/i],
    ["rules: !!binary x\n*y : 1", /y/],
  ])("that is no YAML is told so: %.20s", (text, why) => {
    expect(complaints(text)).toEqual([{ path: "document", expected: expect.stringMatching(why) }]);
  });

  it("of the sales pipeline has a rule of every kind", () => {
    const rules = parseRules(sales);
    expect(new Set(rules.map(({ kind }) => kind))).toEqual(new Set(RULE_KINDS));
    expect(rules.find(({ id }) => id === "ingested-in-time")).toMatchObject({
      slaMs: 300_000,
      outcomes: ["accepted", "duplicate", "late"],
      threshold: { rate: 0.1, count: null, overMs: 900_000, leastRows: 100 },
    });
  });

  it.each(RULE_KINDS)("is read with the fewest keys that %s needs", (kind) => {
    expect(parseRules(ruleWith(kind, {}))).toHaveLength(1);
  });

  it.each([
    ["completeness", { columns: ["pasword"] }, "columns", /columns of silver among/],
    ["completeness", { columns: [] }, "columns", /at least one/],
    ["completeness", { kind: "completenes" }, "kind", /one of completeness, domain/],
    ["completeness", { id: "A rule" }, "id", /lower-case words/],
    ["completeness", { severity: "fatal" }, "severity", /info, warning, critical/],
    ["completeness", { description: null }, "description", /a sentence/],
    ["completeness", { outcomes: ["refused"] }, "outcomes", /accepted, duplicate/],
    ["completeness", { column: "event_id" }, "column", /no such key; known here/],
    ["domain", { column: "amount" }, "column", /one of outcome, event_id/],
    ["domain", { allowed: ["EU", 7] }, "allowed", /texts/],
    ["range", { max: null }, "min", /or as max/],
    ["range", { min: 6 }, "min", /not more than max/],
    ["range", { max: "1e3" }, "max", /a number of at most 18 digits/],
    ["latency", { sla: 300 }, "sla", /a duration/],
    ["latency", { to: "amount" }, "to", /one of event_time/],
    ["uniqueness", { column: "account_id" }, "column", /one of event_id/],
    ["schemaVersion", { versions: ["1"] }, "versions", /whole numbers/],
    ["domain", { when: { amount: ["1"] } }, "when.amount", /a key among outcome/],
    ["domain", { when: { region: "EU" } }, "when.region", /a list of texts/],
    ["domain", { threshold: {} }, "threshold.rate", /either a rate .* or a count/],
    ["domain", { threshold: { rate: 0.1, count: 3 } }, "threshold.rate", /and not both/],
    ["domain", { threshold: { rate: 5 } }, "threshold.rate", /a number, 0 to 1/],
    ["domain", { threshold: { count: 0, leastRows: 5 } }, "threshold.leastRows", /a rate that it belongs to/],
    ["domain", { threshold: { count: 0, over: "30d" } }, "threshold.over", /at most 7d/],
    ["volume", { threshold: { count: 0 } }, "threshold", /no such key/],
    ["volume", { leastRatio: null }, "leastRatio", /or as mostRatio/],
    ["volume", { mostRatio: 0.5 }, "mostRatio", /1 to/],
    ["volume", { baseline: "1m" }, "baseline", /at least as long as interval/],
    ["freshness", { maxAge: "0s" }, "maxAge", /more than zero/],
  ])("that has a %s with %j is refused, naming the field", (kind, change, field, expected) => {
    const found = complaints(ruleWith(kind, change)).find(({ path }) => path === `rules[0].${field}`);
    expect(found?.expected).toMatch(expected);
  });

  it("that has two rules of one id, or is no YAML, is refused", () => {
    const [rule] = JSON.parse(ruleWith("domain", {})).rules;
    expect(complaints(JSON.stringify({ rules: [rule, rule] }))).toMatchObject([
      { path: "rules[1].id", value: "a-rule" },
    ]);
    expect(complaints("rules: [")[0]?.path).toBe("document");
    expect(complaints("[]")[0]?.expected).toMatch(/a map/);
    expect(complaints("rules: {}")[0]).toMatchObject({ path: "rules", expected: "a list" });
  });
});
