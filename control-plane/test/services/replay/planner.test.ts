import { beforeEach, describe, expect, it } from "vitest";
import type { TopicOffsets } from "../../../src/domain/lag.ts";
import { Problem } from "../../../src/domain/problem.ts";
import type { ReplayBody } from "../../../src/domain/replay/request.ts";
import { type PlannerParts, ReplayPlanner } from "../../../src/services/replay/planner.ts";
import { recordTimes } from "../../../src/services/replay/record-times.ts";
import type { GenerationRow, JobRow } from "../../../src/services/rows.ts";
import { JOBS } from "../../domain/replay/sales.ts";

const NOW = Date.parse("2026-11-26T00:00:00Z");
const HOUR = 3_600_000;
const GB = 1024n ** 3n;

/** One record a minute in each of two partitions, the newest one a minute ago. */
function minutely(earliest: bigint, latest: bigint) {
  const topic: TopicOffsets = new Map([0, 1].map((partition) => [partition, { earliest, latest }]));
  const timeOf = (offset: bigint) => NOW - Number(latest - offset) * 60_000;
  return {
    topic,
    timeOf,
    async offsetsAt(_: string, ms: number) {
      let first = earliest;
      while (first < latest && timeOf(first) < ms) first += 1n;
      return new Map([...topic.keys()].map((partition) => [partition, first]));
    },
  };
}

let parts: PlannerParts;
let tables: GenerationRow["tables"];

beforeEach(() => {
  const { topic, offsetsAt } = minutely(100n, 400n);
  const rows = Object.entries(JOBS).map(([id, spec]) => ({
    id,
    spec,
    revision: 3,
    state: "RUNNING",
    reason: null,
    shadowOf: null,
  }));
  tables = Object.fromEntries(
    Object.values(JOBS)
      .flatMap(({ writes }) => writes)
      .map((table) => [table, `gen=1/${table}`]),
  );
  parts = {
    pipeline: "sales",
    topic: "sales.events.v1",
    subject: "sales.events.v1-value",
    declared: { allowedLatenessMs: 600_000 },
    catalog: {
      jobs: async () => rows as unknown as JobRow[],
      liveGeneration: async () => ({ pipeline: "sales", number: 1, tables, rules: { allowedLatenessMs: 600_000 } }),
    } as unknown as PlannerParts["catalog"],
    generations: { nextNumber: async () => 2 },
    positions: {
      position: async () => ({
        through: { "0": "390", "1": "380" },
        lowWatermark: null,
        finalThrough: null,
        at: new Date(NOW),
      }),
    },
    topics: {
      offsets: async () => topic,
      describe: async () => ({ retentionMs: String(24 * HOUR) }) as never,
      offsetsAt,
    },
    facts: {
      size: async (table) => (table.startsWith("bronze") ? 2n * GB : GB),
      missingFile: async () => null,
      firstOffsets: async () => ({ "0": "0", "1": "10" }),
      writerSchemas: async () => [1, 2],
      bestBatch: async (job) => (job === "sales.gold" ? { rows: 100, ms: 1_000 } : null),
    },
    standingOverrides: async () => [7],
    unknownSchemas: async () => [],
    freeBytes: async () => 100n * GB,
    clock: { now: () => new Date(NOW) },
  };
});

const plan = (body: ReplayBody) => new ReplayPlanner(parts).plan(body);
async function refusal(body: ReplayBody) {
  const error = await plan(body).then(
    () => expect.fail("it was planned"),
    (thrown: unknown) => thrown,
  );
  return error instanceof Problem ? error.details : expect.fail(String(error));
}

describe("the plan of a replay", () => {
  it("of silver makes everything downstream anew, shares bronze and needs no Kafka", async () => {
    const { plan: made } = await plan({ job: "sales.silver" });
    expect(made.jobs.map(({ job, rows }) => [job, rows])).toEqual([
      ["sales.silver", "760"],
      ["sales.dq", "760"],
      ["sales.gold", "760"],
    ]);
    expect(made).toMatchObject({
      generation: 2,
      parent: 1,
      shared: [{ table: "bronze.sales_events", path: "gen=1/bronze.sales_events" }],
      start: { "0": "0", "1": "10" },
      position: { "0": "390", "1": "380" },
      kafka: { needed: false },
      overrides: { count: 1, numbers: [7] },
      disk: { tables: String(5n * GB), copies: String(3n * GB), enough: true },
      time: { seconds: 18, rowsPerSecond: 100 },
      warnings: [],
    });
    expect(made.tables).toContainEqual({
      table: "silver.sales_events",
      from: "gen=1/silver.sales_events",
      to: "gen=2/silver.sales_events",
    });
  });

  it("of gold leaves silver and what was decided there alone", async () => {
    const { plan: made } = await plan({ job: "sales.gold" });
    expect(made.jobs.map(({ job }) => job)).toEqual(["sales.gold"]);
    expect(made.overrides.count).toBe(0);
    expect(await refusal({ job: "sales.gold", rules: { allowedLateness: "20m" } })).toMatchObject({
      code: "invalid_request",
      errors: [{ field: "body.rules.allowedLateness" }],
    });
  });

  it("has one hash as long as it is the same, and another one when it is not", async () => {
    const first = await plan({ job: "sales.silver" });
    parts.freeBytes = async () => 99n * GB;
    expect((await plan({ job: "sales.silver" })).hash).toBe(first.hash);
    parts.standingOverrides = async () => [7, 8];
    expect((await plan({ job: "sales.silver" })).hash).not.toBe(first.hash);
    expect((await plan({ job: "sales.silver", rules: { allowedLateness: "20m" } })).plan.rules.changes).toEqual([
      { rule: "allowedLateness", from: "10m", to: "20m" },
    ]);
  });

  it("of bronze begins where Kafka has records, and says until when", async () => {
    const { plan: made } = await plan({ job: "sales.bronze", from: { timestamp: "2026-11-25T23:00:00Z" } });
    expect(made.start).toEqual({ "0": "340", "1": "340" });
    expect(made.kafka.missing).toEqual([]);
    const until = Date.parse(made.kafka.until ?? "") - (NOW + 23 * HOUR);
    expect(Math.abs(until)).toBeLessThan(60_000);
    expect(made.warnings).toEqual([expect.stringContaining("no record before these offsets (0: 340, 1: 340)")]);
  });
});

describe("a replay that cannot be", () => {
  it("for want of Kafka's records offers silver from bronze", async () => {
    for (const body of [
      { job: "sales.bronze", from: { offsets: { "0": "99", "1": "100" } } },
      // Kafka has forgotten what bronze begins with: from the beginning would lose it.
      { job: "sales.bronze" },
    ]) {
      const found = await refusal(body);
      expect(found).toMatchObject({ code: "offsets_gone", status: 422 });
      expect(found.next).toContain("replay sales.silver instead");
    }
  });

  it.each([
    ["from the middle of silver", { job: "sales.silver", from: { timestamp: "2026-11-25T00:00:00Z" } }],
    ["from offsets of gold", { job: "sales.gold", from: { offsets: { "0": "1", "1": "1" } } }],
    ["from a version", { job: "sales.silver", from: { version: "3" } }],
    ["up to some moment", { job: "sales.silver", to: { timestamp: "2026-11-25T00:00:00Z" } }],
    ["from a version of what is no table", { job: "sales.bronze", from: { version: "3" } }],
  ])("because it is not built (%s) says what is possible", async (_, body) => {
    const found = await refusal(body);
    expect(found).toMatchObject({ code: "replay_unsupported", status: 422 });
    expect(found.next).toContain("from the beginning");
  });

  it("for an unknown job, or offsets that are not of all partitions, names what there is", async () => {
    expect(await refusal({ job: "sales.platinum" })).toMatchObject({ code: "unknown_job", status: 404 });
    expect(await refusal({ job: "sales.bronze", from: { offsets: { "0": "200" } } })).toMatchObject({
      code: "invalid_request",
      errors: [{ field: "body.from.offsets", expected: expect.stringContaining("0, 1") }],
    });
  });

  it("for want of room says how much is needed", async () => {
    parts.freeBytes = async () => 8n * GB;
    const found = await refusal({ job: "sales.silver" });
    expect(found).toMatchObject({ code: "no_space", status: 422 });
    expect(found.detail).toContain(String(8n * GB + GB / 2n));
  });

  it("because a file of what it reads is gone names it", async () => {
    parts.facts.missingFile = async (table) => (table === "bronze.sales_events" ? "part-7.parquet" : null);
    const found = await refusal({ job: "sales.silver" });
    expect(found).toMatchObject({ code: "damaged_table", detail: expect.stringContaining("part-7.parquet is gone") });
    await plan({ job: "sales.gold" });
  });

  it("because the registry has forgotten a schema names its id", async () => {
    parts.unknownSchemas = async (ids) => ids.filter((id) => id === 2);
    const found = await refusal({ job: "sales.silver" });
    expect(found).toMatchObject({ code: "schema_unreadable", status: 422 });
    expect(found.detail).toContain("ids 2");
    await plan({ job: "sales.gold" });
  });
});

describe("the time of a record", () => {
  it("is found by offsets at moments, never later than it was", async () => {
    const { timeOf, offsetsAt } = minutely(0n, 10_000n);
    const found = await recordTimes({ offsetsAt }, "t", { "0": "7000", "1": "1" }, new Date(NOW), 14 * 24 * HOUR);
    for (const [partition, offset] of [
      ["0", 7_000n],
      ["1", 1n],
    ] as const) {
      const late = timeOf(offset) - (found[partition] ?? 0);
      expect(late).toBeGreaterThanOrEqual(0);
      expect(late).toBeLessThan(14 * 24 * HOUR * 0.001);
    }
  });
});
