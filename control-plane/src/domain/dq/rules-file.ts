import { parse } from "yaml";
import { type Complaint, StrictReader, sentence } from "../strict-reader.ts";
import type { Rule } from "./rule.ts";
import { readRule } from "./rule-reader.ts";

/** Thrown by {@link parseRules} and {@link parseRule}; `complaints` has everything that is wrong, not only the first. */
export class RulesError extends Error {
  readonly complaints: Complaint[];

  constructor(complaints: Complaint[]) {
    super(`The data quality rules are not valid:\n${complaints.map((each) => `  - ${sentence(each)}`).join("\n")}`);
    this.name = "RulesError";
    this.complaints = complaints;
  }
}

/**
 * Reads a file of rules.
 * @throws {RulesError} naming every unknown key and bad value by its path
 */
export function parseRules(text: string): Rule[] {
  const root = new StrictReader(parseYaml(text));
  const rules = root.maps("rules").map(readRule);
  root.refuseUnknownKeys();
  rules.forEach(({ id }, index) => {
    const first = rules.findIndex((rule) => rule.id === id);
    if (first !== index && id !== "") {
      root.complaints.push({
        path: `rules[${index}].id`,
        value: id,
        expected: `another id than that of rules[${first}]`,
      });
    }
  });
  return unlessWrong(root, rules);
}

/** Reads one rule from a document that was parsed already. @throws {RulesError} */
export function parseRule(document: unknown): Rule {
  const root = new StrictReader(document);
  return unlessWrong(root, readRule(root));
}

function parseYaml(text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    // An alias without its anchor, or too many of them, is no YAMLParseError.
    const why = error instanceof Error ? error.message : String(error);
    throw new RulesError([{ path: "document", expected: `YAML (${why})` }]);
  }
}

function unlessWrong<T>({ complaints }: StrictReader, value: T): T {
  if (complaints.length > 0) throw new RulesError(complaints);
  return value;
}
