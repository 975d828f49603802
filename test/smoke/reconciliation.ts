import type { Difference } from "../../producer/src/oracle/comparison.ts";
import type { Stack } from "../stack/stack.ts";
import { waitFor } from "../stack/wait-for.ts";

/** `GET /v1/audit/reconciliation` */
interface Report {
  kind: "recount" | "incremental";
  at: string;
  lines: Line[];
}

interface Line {
  id: string;
  verdict: "ok" | "failed" | "pending";
  expected: string | null;
  actual: string | null;
  detail: string;
}

/**
 * Lets the control plane count everything anew.
 * @param tell hears how many lines are green, and which have nothing to compare yet
 * @returns each line that failed; none when all adds up
 * @throws when there is no recount in time
 */
export async function reconcile(
  stack: Pick<Stack, "rest">,
  wait: { timeout: number; signal: AbortSignal },
  tell: (line: string) => void,
): Promise<Difference[]> {
  const since = new Date().toISOString();
  const { lines } = await waitFor<Report>(
    async () => {
      // A recount that takes long goes on without its request; asking again joins it.
      const report = await stack.rest.get<Partial<Report>>("/v1/audit/reconciliation", { recount: "true" });
      const isNew = report.lines !== undefined && report.kind === "recount" && (report.at ?? "") >= since;
      return isNew ? (report as Report) : { pending: report.at ?? "it is running" };
    },
    { ...wait, what: "a recount of everything", interval: 1_000 },
  );
  const pending = lines.filter(({ verdict }) => verdict === "pending").map(({ id }) => id);
  const green = lines.filter(({ verdict }) => verdict === "ok").length;
  const rest = pending.length > 0 ? `; nothing to compare yet: ${pending.join(", ")}` : "";
  tell(`Reconciliation: ${green} of ${lines.length} lines are green${rest}`);
  const failed = lines.filter(({ verdict }) => verdict === "failed").map(differenceOf);
  return green > 0 ? failed : [...failed, { key: "reconciliation", expected: "green lines", actual: "none" }];
}

function differenceOf({ id, expected, actual, detail }: Line): Difference {
  return { key: `reconciliation ${id}`, expected: expected ?? "-", actual: `${actual ?? "-"} (${detail})` };
}
