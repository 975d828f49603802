import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { waitFor } from "../../../test/stack/wait-for.ts";
import type { Assignment } from "../../src/domain/sync.ts";
import { HOST, startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";
import { ScriptedRunner } from "../fixtures/runner.ts";

const SILVER = "silver.sales_events";

let running: TestControlPlane;
let runner: ScriptedRunner;
let silver: Assignment;
let sequence = 0;

beforeAll(async () => {
  running = await startControlPlane();
  running.controlPlane.reconciler.start();
  const launch = await waitFor<string>(async () => running.master.submitted[0] ?? { pending: "a launch" }, {
    timeout: 30_000,
    what: "the application to be submitted",
  });
  runner = new ScriptedRunner(running, "sales", launch);
  silver = await waitFor<Assignment>(
    async () => {
      await runner.sync();
      return runner.assignments.find(({ job }) => job === "sales.silver") ?? { pending: "an assignment" };
    },
    { timeout: 30_000, what: "silver to be assigned" },
  );
}, 60_000);

afterAll(() => running?.stop());

/** A batch as its runner tells of it: first its commit, then Spark's progress. */
async function tell(
  batch: number,
  ledger: { rowsIn: number; duplicate: number },
  spark: { rows: number; dropped: number },
) {
  const { job, generation, epoch } = silver;
  const event = (type: string, data: object) => {
    sequence += 1;
    return { sequence, type, job, generation, epoch, at: new Date().toISOString(), data };
  };
  const { rowsIn, duplicate } = ledger;
  const rows = { accepted: rowsIn - duplicate, duplicate };
  await runner.sync([
    event("batch", { kind: "batch", table: SILVER, version: batch + 1, batch, epoch, rowsIn, rows, through: {} }),
    event("progress", {
      batchId: batch,
      numInputRows: spark.rows,
      durationMs: { addBatch: 100, triggerExecution: 120 },
      stateOperators: [{ customMetrics: { numDroppedDuplicateRows: spark.dropped } }],
    }),
  ]);
}

async function alerts() {
  const { controlPlane } = running;
  const answer = await controlPlane.app.inject({ url: "/v1/alerts", headers: { host: HOST } });
  return answer.json().items as { key: string; state: string; severity: string; detail: string; resolution: string }[];
}

describe("Spark's own counts", { timeout: 30_000 }, () => {
  it("say nothing while they agree with the ledger", async () => {
    await tell(0, { rowsIn: 100, duplicate: 4 }, { rows: 200, dropped: 4 });
    await tell(1, { rowsIn: 10, duplicate: 0 }, { rows: 20, dropped: 0 });
    expect(await alerts()).toEqual([]);
  });

  it("alarm with the figures of both when the ledger says something else", async () => {
    await tell(2, { rowsIn: 99, duplicate: 3 }, { rows: 200, dropped: 4 });
    expect(await alerts()).toMatchObject([
      {
        key: "ledger.witness:sales.silver",
        state: "firing",
        severity: "warning",
        detail:
          "batch 2 (version 3 of silver.sales_events): rows read: Spark counted 100, the ledger says 99; duplicates dropped: Spark counted 4, the ledger says 3",
      },
    ]);
  });

  it("say when they agree again", async () => {
    await tell(3, { rowsIn: 5, duplicate: 1 }, { rows: 10, dropped: 1 });
    expect(await alerts()).toMatchObject([{ state: "resolved", resolution: "batch 3: all counts agree" }]);
  });

  it("end an alert that another control plane fired meanwhile", async () => {
    const key = "ledger.witness:sales.silver";
    const text = { severity: "warning" as const, title: "do not agree", detail: "batch 3", subjects: ["sales.silver"] };
    await running.controlPlane.alerts.observe({ key, ...text, failing: true });
    await tell(4, { rowsIn: 5, duplicate: 0 }, { rows: 10, dropped: 0 });
    expect((await alerts()).map(({ state }) => state)).toEqual(["resolved", "resolved"]);
  });

  it("of a batch that nobody has told of are not compared", async () => {
    const { job, generation, epoch } = silver;
    sequence += 1;
    const data = { batchId: 77, numInputRows: 1, durationMs: { addBatch: 1 }, stateOperators: [] };
    await runner.sync([{ sequence, type: "progress", job, generation, epoch, at: new Date().toISOString(), data }]);
    expect(await alerts()).toHaveLength(2);
  });
});
