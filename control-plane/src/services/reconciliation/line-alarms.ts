import type { Line } from "../../domain/reconciliation/report.ts";
import type { Alerts } from "../alerts.ts";

const KEY = "reconciliation:";
/** Not about a line: nothing has been checked for long. */
export const CHECK_KEY = `${KEY}check`;
/** The line of a table that cannot be read: there is no other one then. */
export const UNREADABLE = "tables";
const PAGE = 500;

/**
 * Fires an alert for each line that failed, and ends those of lines that hold again or are gone. What is over is asked of the alerts that fire,
 * not of the report before: that one may never have been saved, or be of another generation.
 */
export async function alarmLines(alerts: Pick<Alerts, "observe" | "list">, lines: readonly Line[]): Promise<void> {
  for (const line of lines.filter(({ verdict }) => verdict === "failed")) {
    await alerts.observe({
      key: `${KEY}${line.id}`,
      severity: "critical",
      title: `Reconciliation: ${line.id} does not hold`,
      detail: line.detail,
      subjects: Object.values(line.subject),
      failing: true,
    });
  }
  // Of what could not be compared nobody knows whether it is over.
  if (lines.some(({ id, verdict }) => id === UNREADABLE && verdict === "failed")) return;
  const now = new Map(lines.map((line) => [`${KEY}${line.id}`, line]));
  const { items } = await alerts.list({ state: "firing", limit: PAGE });
  for (const { key, severity, subjects } of items.filter((it) => it.key.startsWith(KEY) && it.key !== CHECK_KEY)) {
    const line = now.get(key);
    if (line !== undefined && line.verdict !== "ok") continue;
    const title = `Reconciliation: ${key.slice(KEY.length)} holds again`;
    const detail = line?.detail ?? "There is nothing of it any more.";
    await alerts.observe({ key, severity, title, subjects, detail, failing: false });
  }
}
