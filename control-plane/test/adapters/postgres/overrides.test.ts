import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Database } from "../../../src/adapters/postgres/database.ts";
import { createOverrideStore, settleOverride } from "../../../src/adapters/postgres/overrides.ts";
import { startControlPlane, type TestControlPlane } from "../../fixtures/control-plane.ts";

const [TOPIC, JOB, SILVER] = ["sales.events.v1", "sales.silver", "silver.sales_events"];

let running: TestControlPlane;
let database: Database;

beforeAll(async () => {
  running = await startControlPlane();
  database = running.database;
}, 60_000);

afterAll(async () => {
  await running?.stop();
});

beforeEach(async () => {
  await database.query("TRUNCATE overrides, ledger RESTART IDENTITY CASCADE");
});

/** Overrides of records of a partition, at these offsets. @returns their numbers */
async function decide(state: "pending" | "applied", partition: number, offsets: number[]): Promise<number[]> {
  const rows = await database.query<{ number: number }>(
    `INSERT INTO overrides (pipeline, topic, partition, "offset", reason, fields, outcome, created_by, state)
     SELECT 'sales', $1, $2, o, 'why', '{}', 'late', 'ada', $3 FROM unnest($4::bigint[]) AS o RETURNING number::int`,
    [TOPIC, partition, state, offsets],
  );
  return rows.map(({ number }) => number);
}

const hasRead = (generation: number, through: Record<string, string>) =>
  database.query(
    `INSERT INTO ledger (job, generation, "table", batch, kind, epoch, version, at, entry)
     SELECT $1, $2, $3, 0, 'batch', 1, coalesce(max(version), 0) + 1, now(), $4 FROM ledger`,
    [JOB, generation, SILVER, JSON.stringify({ through: { [TOPIC]: through } })],
  );

async function tell(number: number, generation: number, state: "applied" | "refused" = "applied", about = JOB) {
  const data = { number, state, reasons: [] };
  const event = { sequence: 1, type: "override", job: JOB, generation, epoch: 1, at: "2026-11-21T00:00:00Z", data };
  return settleOverride(database, { ...event, about });
}

async function named(generation: number): Promise<number[]> {
  const { overrides } = await createOverrideStore(database).toApply("sales", JOB, generation, SILVER);
  return overrides.map(({ number }) => number);
}

const range = (count: number, from: number) => Array.from({ length: count }, (_, index) => from + index);

describe("overrides that a job is told of", () => {
  it("are, of too many, those behind and then those that it meets next, in whatever order they were made", async () => {
    await decide("applied", 0, range(600, 10_000));
    const soon = await decide("applied", 1, range(3, 20));
    const behind = await decide("pending", 2, [4]);
    await hasRead(2, { "0": "0", "1": "20", "2": "5" });
    const numbers = await named(2);
    expect(numbers).toHaveLength(500);
    expect(numbers).toEqual(expect.arrayContaining([...soon, ...behind]));
  });

  it("are told to each generation until that one has told of them", async () => {
    const [number = 0] = await decide("pending", 0, [7]);
    await hasRead(1, { "0": "100" });
    await tell(number, 1);
    expect(await named(1)).toEqual([]);
    // A replay that has passed the record in a batch of which nobody told it the override.
    await hasRead(2, { "0": "100" });
    expect(await named(2)).toEqual([number]);
    await tell(number, 2, "refused");
    expect(await named(2), "it has ended there").toEqual([]);
    const found = await createOverrideStore(database).find(number);
    expect(found?.state, "and what it was decided by holds").toBe("applied");
  });

  it("become what the live tables make of them, also where a shadow was faster", async () => {
    const [number = 0] = await decide("pending", 0, [9]);
    expect(await tell(number, 2, "refused", "sales.silver@2")).toEqual([]);
    const store = createOverrideStore(database);
    expect((await store.find(number))?.state).toBe("pending");
    expect((await tell(number, 1)).map(({ type }) => type)).toEqual(["override.applied"]);
    expect((await store.find(number))?.state).toBe("applied");
  });

  it("are told again to a table that has lost the record, as after a backup was restored", async () => {
    const [number = 0] = await decide("pending", 0, [7]);
    await hasRead(1, { "0": "100" });
    await tell(number, 1);
    await hasRead(1, { "0": "5" });
    expect(await named(1)).toEqual([number]);
  });
});
