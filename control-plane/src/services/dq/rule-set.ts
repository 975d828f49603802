import { createHash } from "node:crypto";
import { isRowRule, type Rule, type WireRule, wireRule } from "../../domain/dq/rule.ts";

/** The rules as declared. */
export interface RuleSet {
  rules: Rule[];
  /** what the dq job counts */
  rows: WireRule[];
  /** changes with what is counted, and not with how that is judged: thresholds need no restart of the job */
  revision: string;
}

const DIGITS = 12;

export function ruleSet(rules: Rule[]): RuleSet {
  const rows = rules.filter(isRowRule).map(wireRule);
  return { rules, rows, revision: createHash("sha256").update(JSON.stringify(rows)).digest("hex").slice(0, DIGITS) };
}
