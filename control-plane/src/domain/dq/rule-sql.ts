import { identifier, literal } from "../delta/schema.ts";
import type { WireRule } from "./rule.ts";

/**
 * A row rule as DuckDB counts it: the twin of `rules.py`, by which the dq job counts. A set of rows with the counts that
 * both must find is in `spark_jobs/tests/pipelines/sales/rule-cases.json`.
 */
export function ruleSql(rule: WireRule): { checked: string; failed: string } {
  const scope = [
    `outcome IN (${list(rule.outcomes)})`,
    ...Object.entries(rule.when).map(([column, values]) => `${identifier(column)} IN (${list(values)})`),
  ];
  // Without a value a comparison says neither yes nor no; nothing may fail of that.
  return { checked: `coalesce(${scope.join(" AND ")}, false)`, failed: `coalesce(${failedSql(rule)}, false)` };
}

function failedSql(rule: WireRule): string {
  switch (rule.kind) {
    case "completeness":
      return rule.columns.map((column) => `${identifier(column)} IS NULL`).join(" OR ");
    case "domain":
      return `${identifier(rule.column)} NOT IN (${list(rule.allowed)})`;
    case "range":
      return [
        ...(rule.min === null ? [] : [`${identifier(rule.column)} < ${decimal(rule.min)}`]),
        ...(rule.max === null ? [] : [`${identifier(rule.column)} > ${decimal(rule.max)}`]),
      ].join(" OR ");
    case "latency":
      return `epoch_us(${identifier(rule.to)}) - epoch_us(${identifier(rule.from)}) > ${rule.slaMs * 1000}`;
    case "uniqueness":
      return "outcome = 'duplicate'";
    case "schemaVersion":
      return `schema_version IS NULL OR schema_version NOT IN (${rule.versions.join(", ")})`;
  }
}

function list(values: readonly string[]): string {
  return values.map(literal).join(", ");
}

function decimal(text: string): string {
  return `${literal(text)}::DECIMAL(38,9)`;
}

/** The columns of silver that a rule reads. */
export function columnsOf(rule: WireRule): string[] {
  return ["outcome", ...Object.keys(rule.when), ...checkedColumns(rule)];
}

function checkedColumns(rule: WireRule): string[] {
  switch (rule.kind) {
    case "completeness":
      return rule.columns;
    case "latency":
      return [rule.from, rule.to];
    case "schemaVersion":
      return ["schema_version"];
    default:
      return [rule.column];
  }
}
