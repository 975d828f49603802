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

async function tell(
  number: number,
  generation: number,
  state: "applied" | "refused" = "applied",
  { version = null, about = JOB }: { version?: number | null; about?: string } = {},
) {
  const data = { number, state, reasons: [], version };
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

  it("are told of in turns where there are more, until each has ended", async () => {
    const all = await decide("pending", 0, range(1_010, 0));
    await hasRead(1, { "0": "5000" });
    const turns: number[][] = [];
    for (let turn = await named(1); turn.length > 0; turn = await named(1)) {
      turns.push(turn);
      await Promise.all(turn.map((number) => tell(number, 1)));
    }
    expect(turns.map(({ length }) => length)).toEqual([500, 500, 10]);
    expect(turns.flat()).toEqual(all);
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
    expect(await tell(number, 2, "refused", { about: "sales.silver@2" })).toEqual([]);
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

describe("overrides as a table is compared with them", () => {
  const booked = async (generation: number, version: number) => {
    const all = await createOverrideStore(database).booked(TOPIC, generation, SILVER, version);
    return Object.fromEntries(all.map(({ number, state }) => [number, state]));
  };

  it("have been applied from the version on in which their row is", async () => {
    const [early = 0, late = 0] = await decide("pending", 0, [7, 8]);
    await tell(early, 1, "applied", { version: 3 });
    await tell(late, 1, "applied", { version: 5 });
    expect(await booked(1, 4)).toEqual({ [early]: "applied", [late]: "open" });
    expect(await booked(1, 5)).toEqual({ [early]: "applied", [late]: "applied" });
  });

  it("have been applied by a batch of a replay once that has read the record", async () => {
    const [number = 0] = await decide("pending", 0, [7]);
    await tell(number, 1, "applied", { version: 3 });
    expect(await booked(2, 9), "nobody has told of it").toEqual({ [number]: "open" });
    await tell(number, 2);
    await hasRead(2, { "0": "7" });
    expect(await booked(2, 1)).toEqual({ [number]: "open" });
    await hasRead(2, { "0": "8" });
    expect(await booked(2, 1)).toEqual({ [number]: "open" });
    expect(await booked(2, 2)).toEqual({ [number]: "applied" });
  });

  it("may have ended differently in each generation", async () => {
    const [applied = 0, refused = 0] = await decide("pending", 0, [7, 8]);
    await tell(applied, 1, "applied", { version: 3 });
    await tell(refused, 1, "refused");
    expect(await booked(1, 3)).toEqual({ [applied]: "applied", [refused]: "refused" });
    await tell(applied, 2, "refused");
    expect(await booked(2, 3)).toEqual({ [applied]: "refused", [refused]: "refused" });
  });

  it("keep the version when it is told again without one, and take the one of a table that was put back", async () => {
    const [number = 0] = await decide("pending", 0, [7]);
    await tell(number, 1, "applied", { version: 3 });
    await tell(number, 1, "applied", { version: null });
    expect(await booked(1, 3)).toEqual({ [number]: "applied" });
    await tell(number, 1, "applied", { version: 6 });
    expect(await booked(1, 5)).toEqual({ [number]: "open" });
  });
});
