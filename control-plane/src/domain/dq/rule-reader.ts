import { SEVERITIES } from "../alert.ts";
import type { StrictReader } from "../strict-reader.ts";
import { COLUMNS, isColumn, namesOf } from "./columns.ts";
import {
  OUTCOMES,
  type Outcome,
  type ROW_KINDS,
  type RowCheck,
  RULE_KINDS,
  type Rule,
  type Threshold,
} from "./rule.ts";

const ID = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const DEFAULT_OVER_MS = 15 * 60_000;
const MAX_OVER_MS = 7 * 86_400_000;

const isText = (item: unknown): item is string => typeof item === "string" && item !== "";
const isOutcome = (item: unknown): item is Outcome => OUTCOMES.includes(item as Outcome);
const isVersion = (item: unknown): item is number => Number.isSafeInteger(item) && (item as number) >= 0;

/** Reads one rule; what is wrong is added to the reader's complaints. */
export function readRule(entry: StrictReader): Rule {
  const id = entry.text("id", ID, "an id of lower-case words with hyphens, such as amount-range");
  const kind = entry.oneOf("kind", RULE_KINDS);
  const description = entry.text("description", /\S/, "a sentence that says what is wrong when it is breached");
  const severity = entry.oneOf("severity", SEVERITIES);
  const base = { id, description, severity };
  const rule = readBody(entry, kind, base);
  entry.refuseUnknownKeys();
  return rule;
}

function readBody(entry: StrictReader, kind: Rule["kind"], base: Pick<Rule, "id" | "description" | "severity">): Rule {
  if (kind === "freshness") return { ...base, kind, maxAgeMs: entry.duration("maxAge", 1) };
  const outcomes = readOutcomes(entry);
  if (kind === "volume") return readVolume(entry, base, outcomes);
  const check = readCheck(entry, kind);
  return { ...base, ...check, outcomes, when: readWhen(entry), threshold: readThreshold(entry.map("threshold")) };
}

function readOutcomes(entry: StrictReader): Outcome[] {
  if (entry.textIs("outcomes", "all")) return [...OUTCOMES];
  return entry.items("outcomes", isOutcome, `outcomes (${OUTCOMES.join(", ")}), or the word all`);
}

function readCheck(entry: StrictReader, kind: (typeof ROW_KINDS)[number]): RowCheck {
  switch (kind) {
    case "completeness":
      return { kind, columns: entry.items("columns", (item) => isColumn("any", item), namesOf("any")) };
    case "domain":
      return {
        kind,
        column: entry.oneOf("column", COLUMNS.text),
        allowed: entry.items("allowed", isText, "texts"),
      };
    case "range":
      return readRange(entry);
    case "latency":
      return {
        kind,
        from: entry.oneOf("from", COLUMNS.time),
        to: entry.oneOf("to", COLUMNS.time),
        slaMs: entry.duration("sla"),
      };
    case "uniqueness":
      return { kind, column: entry.oneOf("column", ["event_id"]) };
    case "schemaVersion":
      return { kind, versions: entry.items("versions", isVersion, "whole numbers") };
  }
}

function readRange(entry: StrictReader): RowCheck {
  const column = entry.oneOf("column", COLUMNS.number);
  const min = entry.has("min") ? entry.decimal("min") : null;
  const max = entry.has("max") ? entry.decimal("max") : null;
  if (min === null && max === null) entry.complain("min", undefined, "a number here, or as max, or both");
  if (min !== null && max !== null && Number(min) > Number(max))
    entry.complain("min", min, `not more than max (${max})`);
  return { kind: "range", column, min, max };
}

function readWhen(entry: StrictReader): Record<string, string[]> {
  if (!entry.has("when")) return {};
  const when = entry.map("when");
  return Object.fromEntries(
    when.keys().map((column) => {
      if (!isColumn("text", column)) when.complain(column, undefined, `a key among ${COLUMNS.text.join(", ")}`);
      return [column, when.items(column, isText, "texts")];
    }),
  );
}

function readThreshold(entry: StrictReader): Threshold {
  const rate = entry.has("rate") ? entry.number("rate", 0, 1) : null;
  const count = entry.has("count") ? entry.wholeNumber("count", 0) : null;
  if ((rate === null) === (count === null)) {
    entry.complain("rate", rate ?? undefined, "either a rate (0 to 1) or a count, and not both");
  }
  const overMs = entry.has("over") ? entry.duration("over", 1, MAX_OVER_MS) : DEFAULT_OVER_MS;
  if (rate === null && entry.has("leastRows")) entry.complain("leastRows", undefined, "a rate that it belongs to");
  const leastRows = entry.has("leastRows") ? entry.wholeNumber("leastRows", 1) : 1;
  entry.refuseUnknownKeys();
  return { rate, count, overMs, leastRows };
}

function readVolume(
  entry: StrictReader,
  base: Pick<Rule, "id" | "description" | "severity">,
  outcomes: Outcome[],
): Rule {
  const intervalMs = entry.duration("interval", 1, MAX_OVER_MS);
  const baselineMs = entry.duration("baseline", 1, MAX_OVER_MS);
  if (baselineMs < intervalMs) entry.complain("baseline", undefined, "at least as long as interval");
  const leastRatio = entry.has("leastRatio") ? entry.number("leastRatio", 0, 1) : null;
  const mostRatio = entry.has("mostRatio") ? entry.number("mostRatio", 1, 1_000_000) : null;
  if (leastRatio === null && mostRatio === null) {
    entry.complain("leastRatio", undefined, "a ratio to the average here, or as mostRatio, or both");
  }
  return { ...base, kind: "volume", outcomes, intervalMs, baselineMs, leastRatio, mostRatio };
}
