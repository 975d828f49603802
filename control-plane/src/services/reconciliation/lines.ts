import type { Cut, Line } from "../../domain/reconciliation/report.ts";
import { moneyText, type Tally } from "../../domain/reconciliation/tally.ts";
import {
  bronzeLines,
  type Comparison,
  goldLines,
  type LineInput,
  qualityLines,
  silverLines,
  tableLines,
  topicLines,
} from "./comparisons.ts";

/** Every line of a report, from what was counted and found. */
export function linesOf(tally: Tally, input: LineInput): Line[] {
  const comparisons = [
    ...topicLines(tally, input),
    ...bronzeLines(tally, input),
    ...silverLines(tally, input),
    ...goldLines(tally, input),
    ...qualityLines(tally, input),
    ...tableLines(tally, input),
  ];
  const through = input.positions.bronze?.through ?? {};
  const lines = comparisons.map((comparison) => toLine(tally, comparison, through));
  // What was found of something that has no line of its own must not be lost.
  const known = new Set(lines.map(({ id }) => id));
  const others = tally.lines().filter((id) => !known.has(id));
  const bare = others.map((id) => ({ id, subject: {}, expected: null, actual: null, detail: "", tables: {} }));
  return [...lines, ...bare.map((comparison) => toLine(tally, comparison, through))];
}

function toLine(tally: Tally, comparison: Comparison, through: Cut["through"]): Line {
  const { id, subject, expected, actual, pending, isMoney, waits, tables } = comparison;
  const text = (figure: bigint | null) => (figure === null ? null : isMoney ? moneyText(figure) : String(figure));
  const findings = tally.findingsOf(id);
  const differs = waits == null && expected !== actual;
  const failed = findings.length > 0 || differs;
  const wrong = findings.length > 0 ? findings.join("; ") : `${text(actual)} where ${text(expected)} were expected`;
  return {
    id,
    subject,
    verdict: failed ? "failed" : waits == null ? "ok" : "pending",
    expected: text(expected),
    actual: text(actual),
    pending: pending === undefined ? null : String(pending < 0n ? 0n : pending),
    detail: failed ? wrong : (waits ?? comparison.detail),
    at: { tables, through },
  };
}
