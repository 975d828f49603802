import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createJournal, insertEvents } from "../../../src/adapters/postgres/journal.ts";
import type { EventFilter, NewEvent } from "../../../src/domain/event.ts";
import { openTestDatabase, type TestDatabase } from "../../fixtures/database.ts";

const ALL: EventFilter = { types: [], subjects: [] };
const state = (job: string, number: number): NewEvent => ({ type: "job.state", subjects: [job], data: { number } });
const batch = (number: number): NewEvent => ({ type: "batch.committed", subjects: ["j"], data: { number } });

let opened: TestDatabase;

beforeAll(async () => {
  opened = await openTestDatabase();
}, 60_000);

afterAll(async () => {
  await opened?.close();
});

describe("the journal", { timeout: 30_000 }, () => {
  it("shows events in the order of their ids, whatever the order in which transactions begin and end", async () => {
    const journal = createJournal(opened.database);
    const writers = Array.from({ length: 60 }, (_, number) =>
      opened.database.transaction(async (tx) => {
        await tx.query("SELECT pg_sleep($1)", [((number * 7) % 10) / 200]);
        await insertEvents(tx, [state(`job-${number}`, number), state(`job-${number}`, number)]);
        await tx.query("SELECT pg_sleep($1)", [((number * 3) % 10) / 500]);
      }),
    );
    let writing = true;
    const done = Promise.all(writers).finally(() => {
      writing = false;
    });
    const seen: bigint[] = [];
    for (let last = false; !last; ) {
      last = !writing;
      const { events } = await journal.after(seen.at(-1) ?? 0n, ALL, 7);
      seen.push(...events.map(({ id }) => id));
      if (events.length > 0) last = false;
    }
    await done;
    expect(seen).toHaveLength(120);
    expect(new Set(seen).size).toBe(120);
    expect(seen).toEqual([...seen].sort((a, b) => (a < b ? -1 : 1)));
  });

  it("does not tell of a change that was rolled back", async () => {
    const journal = createJournal(opened.database);
    const before = await journal.newest();
    const change = opened.database.transaction(async (tx) => {
      await insertEvents(tx, [state("nothing", 0)]);
      throw new Error("on second thoughts");
    });
    await expect(change).rejects.toThrow("on second thoughts");
    expect(await journal.newest()).toBe(before);
  });

  it("finds events by type and by any of their subjects", async () => {
    const journal = createJournal(opened.database);
    const from = await journal.newest();
    await journal.record({ type: "run.closed", subjects: ["a", "launch-1"], data: {} });
    await journal.record({ type: "operation.ended", subjects: ["a", "operation-1"], data: {} });
    await journal.record({ type: "run.closed", subjects: ["b", "launch-1"], data: {} });
    const found = async (filter: Partial<EventFilter>) =>
      (await journal.after(from, { ...ALL, ...filter }, 10)).events.map(({ type, subjects }) => `${type} ${subjects}`);
    expect(await found({ subjects: ["launch-1"] })).toEqual(["run.closed a,launch-1", "run.closed b,launch-1"]);
    expect(await found({ types: ["run.closed"], subjects: ["a", "operation-1"] })).toEqual(["run.closed a,launch-1"]);
    const [newest] = await journal.before(null, { ...ALL, types: ["operation.ended"] }, 1);
    expect(newest?.subjects).toEqual(["a", "operation-1"]);
    expect(newest?.at.getTime()).toBeGreaterThan(Date.now() - 60_000);
  });

  it("forgets batches sooner than the rest, and says up to where something is missing", async () => {
    const journal = createJournal(opened.database);
    await journal.record(state("old", 1));
    const old = await journal.newest();
    for (let number = 0; number < 5; number += 1) await journal.record(batch(number));
    await journal.prune({ batches: 2, others: 50_000 });
    const { events, forgotten, newest } = await journal.after(old - 1n, ALL, 10);
    expect(events.map(({ type, data }) => `${type} ${data.number}`)).toEqual([
      "job.state 1",
      "batch.committed 3",
      "batch.committed 4",
    ]);
    expect(forgotten).toBe(newest - 2n);
    expect((await journal.after(old, { ...ALL, types: ["job.state"] }, 10)).forgotten).toBe(0n);
    await journal.prune({ batches: 0, others: 0 });
    expect(await journal.after(0n, ALL, 10)).toEqual({ events: [], forgotten: newest, newest });
  });
});
