import { readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, inject, it } from "vitest";
import type { SlackMessage } from "../../control-plane/src/domain/alert.ts";
import type { Report } from "../../control-plane/src/domain/reconciliation/report.ts";
import { doubleRow } from "../stack/doubled-row.ts";
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

/**
 * A recount that finds something wrong. So soon after the recount before, the answer may be that one; and a check of what
 * came since may be red before it, for less.
 */
const failedRecount = (what: string) =>
  waitFor<Report>(
    async () => {
      const found = await recount();
      return found.verdict === "failed" && found.kind === "recount" ? found : { pending: found.at };
    },
    { timeout: PATIENCE_MS, what },
  );

/** What came to the place where Slack would be. */
const told = async () => {
  const messages = (await (await fetch(inject("webhookUrl"))).json()) as SlackMessage[];
  return messages.map(({ text, attachments }) => ({ text, detail: attachments[0]?.text }));
};

beforeAll(async () => {
  await allRunning(stack);
  await produce(stack, { seed: 91, events: 1_000 });
  await allConsumed(stack);
});

describe("reconciliation on a real stack", () => {
  it("holds in every line once traffic has settled, counted anew and from what came since", async () => {
    const report = await settled(async () => {
      const found = await recount();
      // So soon after a recount before, the answer may be a newer check of what came since.
      if (found.kind !== "recount") throw new Error(`no newer recount than the check of ${found.at}`);
      return found;
    });
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
      const red = await failedRecount("a recount that misses the file");
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

  it("names a row that is there twice, and tells the webhook when it was found and when it is gone", async () => {
    // Compaction by the job that writes the table would take the second row along.
    await stack.rest.post("/v1/jobs/sales.silver/stop", { wait: "60s" });
    const silver = join(stack.stateDir, "lake", "gen=1", "silver.sales_events");
    const { partition, offset, undo } = await doubleRow(silver, { outcome: "accepted" });
    const line = `silver.offsets.${partition}`;
    const doubled = `more than one row in silver: partition ${partition}: offset ${offset}`;
    try {
      const red = await failedRecount("a recount that finds the second row");
      const detail = (id: string) => red.lines.find(({ id: of, verdict }) => of === id && verdict === "failed")?.detail;
      expect(detail(line)).toBe(doubled);
      expect(detail("silver.twice")).toContain(`at partition/offset ${partition}/${offset}, ${partition}/${offset}`);
      expect(detail("outcome.accepted")).toMatch(/\d+ where \d+ were expected/);
      expect(await firing()).toContain(`reconciliation:${line}`);
    } finally {
      undo();
      await stack.rest.post("/v1/jobs/sales.silver/start", { wait: "60s" });
    }
    await settled(recount);
    const messages = await waitFor(
      async () => {
        // Of the same line there may be older ones, of the file that was gone.
        const ofLine = (await told()).filter(({ text }) => text.includes(line));
        const since = ofLine.slice(ofLine.findIndex(({ detail }) => detail === doubled));
        return since[0]?.detail === doubled && since.length >= 2 ? since : { pending: ofLine };
      },
      { timeout: 30_000, what: "both messages about the line" },
    );
    expect(messages).toEqual([
      { text: `Critical: Reconciliation: ${line} does not hold`, detail: doubled },
      { text: `Resolved: Reconciliation: ${line} does not hold`, detail: "the offsets of bronze, each once" },
    ]);
  });
});
