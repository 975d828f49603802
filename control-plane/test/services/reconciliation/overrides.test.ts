import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type AuditedLake, openAuditedLake, others, RECORDS } from "../../fixtures/audited-lake.ts";
import { startControlPlane, type TestControlPlane } from "../../fixtures/control-plane.ts";
import { failed, green, line, MINUTE, recount, sum } from "../../fixtures/reports.ts";

// Tables are checked several times in most tests; on a busy machine that adds up.
vi.setConfig({ testTimeout: 20_000 });

let running: TestControlPlane;
let lake: AuditedLake;

beforeAll(async () => {
  running = await startControlPlane();
}, 60_000);

afterAll(async () => {
  await running?.stop();
});

beforeEach(async () => {
  lake = await openAuditedLake(running.database);
  return () => lake.close();
});

describe("a record that people let in", () => {
  const fileOf = (outcome: string) =>
    lake.filesOf("silver.sales_events", 2).find((file) => file.startsWith(`outcome=${outcome}/`)) ?? "";

  it("is accepted beside the row that refused it, and on its way to gold", async () => {
    await green(lake);
    await lake.decide(await lake.letIn(fileOf("late"), 4), 4);
    await lake.harvest();
    const untold = await lake.reconciliation.checkNow();
    expect(others(untold.lines, "ok"), "the job has not told of it yet").toEqual([]);
    expect(line(untold, "silver.overrides")).toMatchObject({ expected: "1", actual: "1", pending: "1" });
    await lake.tell(4, "applied", 4);
    for (const report of [await lake.reconciliation.checkNow(), await recount(lake)]) {
      expect(others(report.lines, "ok")).toEqual([]);
      expect(line(report, "silver.overrides")).toMatchObject({ expected: "1", actual: "1", pending: "0" });
      expect(line(report, "gold.records").pending).toBe("1");
      expect(sum(report, "silver.offsets.", "expected")).toBe(RECORDS);
    }
  });

  it("though it was accepted already, is red", async () => {
    await green(lake);
    await lake.decide(await lake.letIn(fileOf("accepted"), 4), 4);
    await lake.tell(4, "applied", 4);
    await lake.harvest();
    for (const report of [await lake.reconciliation.checkNow(), await recount(lake)]) {
      expect(failed(report)).toEqual(["silver.overrides"]);
      expect(line(report, "silver.overrides").detail).toMatch(
        /^let in, and not refused before: partition \d: offset \d+$/,
      );
    }
  });

  it("though nobody decided so, or it was refused once more, is red", async () => {
    await green(lake);
    const place = await lake.letIn(fileOf("late"), 4);
    await lake.harvest();
    const name = `override 4 (partition ${place.partition}, offset ${place.offset})`;
    for (const report of [await lake.reconciliation.checkNow(), await recount(lake)]) {
      expect(failed(report)).toEqual(["silver.overrides"]);
      expect(line(report, "silver.overrides")).toMatchObject({ expected: "0", actual: "1" });
      expect(line(report, "silver.overrides").detail).toBe(`${name} has a row, and nobody has decided it`);
    }
    await lake.decide(place, 4);
    await lake.tell(4, "refused", null);
    lake.time.aheadMs = MINUTE;
    expect(line(await recount(lake), "silver.overrides").detail).toBe(`${name} has a row, though it was refused`);
  });

  it("is red where the database says so and silver has no row of it", async () => {
    await green(lake);
    const place = await lake.letIn(fileOf("late"), 4);
    await lake.decide(place, 4);
    await lake.tell(4, "applied", 4);
    await lake.decide({ ...place, offset: String(Number(place.offset) - 1) }, 5);
    await lake.tell(5, "applied", 4);
    await lake.harvest();
    const name = `override 5 (partition ${place.partition}, offset ${Number(place.offset) - 1})`;
    for (const report of [await lake.reconciliation.checkNow(), await recount(lake)]) {
      expect(failed(report)).toEqual(["silver.overrides"]);
      expect(line(report, "silver.overrides")).toMatchObject({ expected: "2", actual: "1" });
      expect(line(report, "silver.overrides").detail).toBe(`${name} was applied, and no row has it`);
    }
  });

  it("is awaited until the table has come to its commit", async () => {
    await green(lake);
    await lake.decide({ partition: 0, offset: "3" }, 7);
    await lake.tell(7, "applied", 9);
    for (const report of [await lake.reconciliation.checkNow(), await recount(lake)]) {
      expect(others(report.lines, "ok")).toEqual([]);
      expect(line(report, "silver.overrides")).toMatchObject({ expected: "0", actual: "0", pending: "0" });
    }
  });
});
