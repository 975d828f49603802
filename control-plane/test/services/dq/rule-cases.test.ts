import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DuckDb, openDuckDb } from "../../../src/adapters/duckdb.ts";
import { isRowRule, ROW_KINDS, wireRule } from "../../../src/domain/dq/rule.ts";
import { columnsOf, ruleSql } from "../../../src/domain/dq/rule-sql.ts";
import { parseRule } from "../../../src/domain/dq/rules-file.ts";
import { cases, rowsSql } from "../../fixtures/rule-cases.ts";

let engine: DuckDb;

beforeAll(async () => {
  engine = await openDuckDb({ folders: [tmpdir()] });
});

afterAll(() => engine.close());

// The dq job's counts of the same rows: spark_jobs/tests/pipelines/sales/test_rules.py.
describe("a rule over rows", () => {
  it.each(cases.map((each) => [String(each.rule.id), each] as const))(
    "counts as the dq job does: %s",
    async (_, each) => {
      const { checked, failed } = ruleSql(each.wire);
      const columns = [...new Set(["offset", ...columnsOf(each.wire)])].map((name) => `"${name}"`).join(", ");
      const relation = `(SELECT ${columns} FROM ${rowsSql()})`;
      const [row] = await engine.query(
        `SELECT count(*) FILTER (${checked}) AS checked,
         list("offset" ORDER BY "offset") FILTER (${checked} AND ${failed}) AS failed FROM ${relation}`,
      );
      expect({ checked: row?.checked, failed: row?.failed ?? [] }).toEqual({
        checked: each.checked,
        failed: each.failed,
      });
    },
  );

  it.each(cases.map((each) => [String(each.rule.id), each] as const))(
    "is handed to the job as it is declared: %s",
    (_, each) => {
      const rule = parseRule(each.rule);
      if (!isRowRule(rule)) return expect.fail("a rule over rows was expected");
      expect(wireRule(rule)).toEqual(each.wire);
    },
  );

  it("has a case of every kind", () => {
    expect(new Set(cases.map(({ wire }) => wire.kind))).toEqual(new Set(ROW_KINDS));
  });
});
