import type { Difference } from "../../producer/src/oracle/comparison.ts";
import type { Stack } from "../stack/stack.ts";
import { waitFor } from "../stack/wait-for.ts";

/** `GET /v1/audit/reconciliation` */
interface Report {
  kind: "recount" | "incremental";
  at: string;
  lines: Line[];
}

/** It waits until a window is final, which takes as long as the allowed lateness. */
const FINAL = "gold.final";

interface Line {
  id: string;
  verdict: "ok" | "failed" | "pending";
  expected: string | null;
  actual: string | null;
  pending: string | null;
  detail: string;
}

/**
 * Lets the control plane count everything anew until it has compared everything, to the last record.
 * @param tell hears how many lines are green
 * @returns each line that failed; none when all adds up
 * @throws when no recount has compared everything in time, naming what is pending
 */
export async function reconcile(
  stack: Pick<Stack, "rest">,
  wait: { timeout: number; signal: AbortSignal },
  tell: (line: string) => void,
): Promise<Difference[]> {
  const since = new Date().toISOString();
  const lines = await waitFor<Line[]>(
    async () => {
      // A recount that takes long goes on without its request; asking again joins it.
      const report = await stack.rest.get<Partial<Report>>("/v1/audit/reconciliation", { recount: "true" });
      const isNew = report.lines !== undefined && report.kind === "recount" && (report.at ?? "") >= since;
      if (!isNew) return { pending: report.at ?? "it is running" };
      const found = (report as Report).lines;
      const mayWait = (await hasFinalWindows(stack)) ? [] : [FINAL];
      const open = found.filter((line) => isOpen(line) && !mayWait.includes(line.id));
      const failed = found.some(({ verdict }) => verdict === "failed");
      return open.length === 0 || failed ? found : { pending: open.map(({ id, detail }) => `${id}: ${detail}`) };
    },
    { ...wait, what: "a recount of everything", interval: 1_000 },
  );
  const green = lines.filter(({ verdict }) => verdict === "ok").length;
  const waits = lines.filter(isOpen).map(({ id, detail }) => `; ${id}: ${detail}`);
  tell(`Reconciliation: ${green} of ${lines.length} lines are green${waits.join("")}`);
  const failed = lines.filter(({ verdict }) => verdict === "failed").map(differenceOf);
  return green > 0 ? failed : [...failed, { key: "reconciliation", expected: "green lines", actual: "none" }];
}

/** Something is not compared yet: all of it, or records that are on their way. */
function isOpen({ verdict, pending }: Line): boolean {
  return verdict === "pending" || (pending ?? "0") !== "0";
}

/** Whether there is anything that the line of final windows could compare. */
async function hasFinalWindows(stack: Pick<Stack, "rest">): Promise<boolean> {
  const { snapshot } = await stack.rest.get<{ snapshot: { finalThrough: string | null } }>("/v1/revenue/windows");
  return snapshot.finalThrough !== null;
}

function differenceOf({ id, expected, actual, detail }: Line): Difference {
  return { key: `reconciliation ${id}`, expected: expected ?? "-", actual: `${actual ?? "-"} (${detail})` };
}
