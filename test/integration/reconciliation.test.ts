import { readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Report } from "../../control-plane/src/domain/reconciliation/report.ts";
import { waitFor } from "../stack/wait-for.ts";
import { allConsumed, allRunning, produce, sharedStack } from "./shared-stack.ts";

const stack = sharedStack();
const PATIENCE_MS = 120_000;

const newest = () => stack.rest.get<Report>("/v1/audit/reconciliation");
const recount = () => stack.rest.get<Report>("/v1/audit/reconciliation", { recount: "true" });
const open = ({ lines }: Report) =>
  lines
    .filter(({ verdict, pending }) => verdict !== "ok" || (pending ?? "0") !== "0")
    .map(({ id, verdict, pending, detail }) => `${id} ${verdict}, ${pending} pending: ${detail}`);

const firing = async () => {
  const { items } = await stack.rest.get<{ items: { key: string }[] }>("/v1/alerts", { state: "firing" });
  return items.map(({ key }) => key);
};

/** A report in which every line holds and nothing is on its way: the ledger is read some seconds after the commits. */
async function settled(ask: () => Promise<Report>): Promise<Report> {
  let report: Report | undefined;
  const look = async () => {
    report = await ask();
    return open(report).length === 0 || { pending: open(report) };
  };
  await waitFor(look, { timeout: PATIENCE_MS, what: "everything to be reconciled" });
  return report ?? expect.unreachable();
}

beforeAll(async () => {
  await allRunning(stack);
  await produce(stack, { seed: 91, events: 1_000 });
  await allConsumed(stack);
});

describe("reconciliation on a real stack", () => {
  it("holds in every line once traffic has settled, counted anew and from what came since", async () => {
    const report = await settled(recount);
    expect(report).toMatchObject({ verdict: "ok", kind: "recount" });
    expect(report.lines.map(({ id }) => id)).toEqual(
      expect.arrayContaining(["topic.0", "silver.offsets.2", "silver.duplicates", "gold.final", "dq.totals"]),
    );
    await produce(stack, { seed: 92, events: 500 });
    await allConsumed(stack);
    const records = ({ lines }: Report) => Number(lines.find(({ id }) => id === "bronze.rows")?.actual);
    // The newest report is that of the recount until the next minute's check.
    const next = await settled(async () => {
      const found = await newest();
      if (records(found) < records(report) + 500) throw new Error(`no newer report than that of ${found.at}`);
      return found;
    });
    expect(next.kind).toBe("incremental");
  });

  it("names a file that is gone, alarms, and says when it is back", async () => {
    const silver = join(stack.stateDir, "lake", "gen=1", "silver.sales_events");
    const name = readdirSync(silver, { recursive: true, encoding: "utf8" }).find((file) =>
      /^outcome=duplicate\/.*\.parquet$/.test(file),
    );
    if (name === undefined) throw new Error("no duplicate was made");
    const [file, aside] = [join(silver, name), join(stack.stateDir, "aside.parquet")];
    renameSync(file, aside);
    try {
      // So soon after the recount before, the answer may be that one.
      const red = await waitFor<Report>(
        async () => {
          const found = await recount();
          // A check of what came since may be red before it, for the missing file alone.
          return found.verdict === "failed" && found.kind === "recount" ? found : { pending: found.at };
        },
        { timeout: PATIENCE_MS, what: "a recount that misses the file" },
      );
      const detail = (id: string) => red.lines.find((line) => line.id === id && line.verdict === "failed")?.detail;
      expect(detail("files.silver.sales_events")).toContain(name);
      expect(detail("outcome.duplicate")).toMatch(/\d+ where \d+ were expected/);
      expect(await firing()).toContain("reconciliation:files.silver.sales_events");
    } finally {
      renameSync(aside, file);
    }
    await settled(recount);
    expect((await firing()).filter((key) => key.startsWith("reconciliation:"))).toEqual([]);
  });
});
