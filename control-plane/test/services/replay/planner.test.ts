import { beforeEach, describe, expect, it } from "vitest";
import type { TopicOffsets } from "../../../src/domain/lag.ts";
import { Problem } from "../../../src/domain/problem.ts";
import type { ReplayBody } from "../../../src/domain/replay/request.ts";
import type { ApplicationSpec } from "../../../src/domain/specs/application-spec.ts";
import type { Demand } from "../../../src/domain/specs/fit.ts";
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

const SALES: ApplicationSpec = {
  ...{ cores: 2, driverMemory: "800m", executorMemory: "800m", shufflePartitions: 2, settings: {} },
};

/** What bronze's ledger still knows; 20 is a compaction, and 80 is ahead of silver. */
const COMMITS = [
  { version: 19, kind: "batch", entry: { through: { "sales.events.v1": { "0": "40", "1": "50" } } } },
  { version: 60, kind: "tick", entry: { through: { "sales.events.v1": { "0": "300", "1": "310" } } } },
  { version: 80, kind: "batch", entry: { through: { "sales.events.v1": { "0": "391", "1": "380" } } } },
];

let parts: PlannerParts;
let tables: GenerationRow["tables"];

beforeEach(() => {
  const { topic, offsetsAt } = minutely(100n, 400n);
  const rows = Object.entries(JOBS).map(([id, spec]) => ({
    id,
    spec,
    revision: 3,
    application: spec.application,
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
      applications: async () => [
        { name: "sales", pipeline: "sales", revision: 1, dedicated: false, spec: SALES },
        { name: "sales.dq", pipeline: "sales", revision: 1, dedicated: true, spec: SALES },
      ],
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
    ledger: {
      harvested: async () => new Map([["gen=1/bronze.sales_events", 90]]),
      entries: async (_generation: number, _table: string, after: number, upTo: number) =>
        COMMITS.filter(({ version }) => version > after && version <= upTo),
    } as unknown as PlannerParts["ledger"],
    topics: {
      offsets: async () => topic,
      describe: async () => ({ retentionMs: String(24 * HOUR) }) as never,
      offsetsAt,
    },
    facts: {
      size: async (table) => (table.startsWith("bronze") ? 2n * GB : GB),
      missingFile: async () => null,
      firstOffsets: async () => ({ "0": "0", "1": "10" }),
      // Of partition 1 nothing is that young.
      firstOffsetsSince: async () => ({ "0": "200" }),
      writerSchemas: async () => [1, 2],
      bestBatch: async (job) => (job === "sales.gold" ? { rows: 100, ms: 1_000 } : null),
    },
    standingOverrides: async () => [7],
    unknownSchemas: async () => [],
    freeBytes: async () => 100n * GB,
    room: { shortage: async () => null },
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
      { rule: "allowedLateness", from: "10m", to: "20m", stretch: null },
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

describe("the plan of a replay whose shadow jobs have other specs", () => {
  const OWN = { trigger: "1m", application: "dedicated", drainTimeout: "2m" };

  it("says in what they differ, and has another hash", async () => {
    const made = await plan({ job: "sales.silver", specs: { "sales.silver": OWN } });
    expect(made.plan.jobs[0]).toEqual({
      ...{ job: "sales.silver", rows: "760", specRevision: 3, drainTimeoutMs: 120_000 },
      changes: [
        { field: "application", from: "sales", to: "dedicated" },
        { field: "trigger", from: "0s", to: "1m" },
        { field: "drainTimeout", from: "30s", to: "2m" },
      ],
    });
    expect(made.plan.jobs.slice(1).map(({ changes }) => changes)).toEqual([[], []]);
    expect(made.hash).not.toBe((await plan({ job: "sales.silver" })).hash);
    expect(made.plan.warnings).toEqual([]);
  });

  it("warns where the cluster has no room for their applications, each beside those before it", async () => {
    const asked: [Demand, Demand[]][] = [];
    parts.room.shortage = async (demand, movingJob, beside = []) => {
      expect(movingJob).toBeNull();
      asked.push([demand, [...beside]]);
      return beside.length === 0 ? null : "the workers have 6 cores and 3072 MB";
    };
    const own = { application: "dedicated" };
    const specs = { "sales.silver": own, "sales.gold": own, "sales.dq": { trigger: "5s" } };
    const { plan: made } = await plan({ job: "sales.silver", specs });
    const spec = { ...SALES, cores: 1, driverMemory: "600m", executorMemory: "600m" };
    const [silver, gold] = ["sales.silver@2", "sales.gold@2"].map((application) => ({ application, spec }));
    expect(asked).toEqual([
      [silver, []],
      [gold, [silver]],
    ]);
    expect(made.warnings).toEqual([
      "The cluster has no room for sales.gold@2: the workers have 6 cores and 3072 MB. What is to run there waits for resources, or takes those that live jobs need when they are started again.",
    ]);
  });

  it("is made also while the Spark master is away, and says that room cannot be told", async () => {
    parts.room.shortage = async () => {
      const detail = "The Spark master does not answer.";
      throw new Problem({ status: 503, code: "dependency_unavailable", title: "Away", detail });
    };
    const { plan: made } = await plan({ job: "sales.gold", specs: { "sales.gold": { application: "sales" } } });
    expect(made.warnings).toEqual([
      "Whether the cluster has room for sales cannot be told: The Spark master does not answer.",
    ]);
  });

  it.each([
    [
      "a job that is not made anew",
      { "sales.bronze": { trigger: "5s" } },
      { field: "body.specs", value: "sales.bronze", expected: "jobs that this replay makes anew: sales.gold" },
    ],
    [
      "an application that there is not",
      { "sales.gold": { application: "sale" } },
      {
        field: "body.specs.sales.gold.application",
        value: "sale",
        expected: "dedicated (one of its own) or one of: sales",
      },
    ],
    [
      "another job's own application",
      { "sales.gold": { application: "sales.dq" } },
      {
        field: "body.specs.sales.gold.application",
        value: "sales.dq",
        expected: "dedicated (one of its own) or one of: sales",
      },
    ],
  ])("is refused for %s", async (_, specs, error) => {
    expect(await refusal({ job: "sales.gold", specs })).toMatchObject({ code: "invalid_request", errors: [error] });
  });
});

describe("the plan of a replay of silver from the middle", () => {
  it.each([
    ["offsets as they are", { offsets: { "0": "390", "01": "10" } }, { "0": "390", "1": "10" }],
    ["a moment by the records of bronze", { timestamp: "2026-11-25T20:00:00Z" }, { "0": "200", "1": "380" }],
    ["a version by its ledger entry", { version: "19" }, { "0": "40", "1": "50" }],
    ["a version without one by that before it", { version: "20" }, { "0": "40", "1": "50" }],
  ])("takes %s", async (_, from, start) => {
    const { plan: made } = await plan({ job: "sales.silver", from });
    expect(made.start).toEqual(start);
    expect(made.kafka.needed).toBe(false);
  });

  it("says how many records are taken over, and what the jobs read", async () => {
    const { plan: made } = await plan({ job: "sales.silver", from: { offsets: { "0": "100", "1": "110" } } });
    expect(made.jobs.map(({ job, rows }) => [job, rows])).toEqual([
      ["sales.silver", "560"],
      ["sales.dq", "760"],
      ["sales.gold", "760"],
    ]);
    expect(made.warnings).toEqual([
      expect.stringContaining(
        "200 records before these offsets (0: 100, 1: 110) are taken over as generation 1 has them",
      ),
    ]);
    // What is read downstream takes longest: gold's rate is the one that is known.
    expect(made.time.seconds).toBe(18);
  });

  it("has the hash of its offsets", async () => {
    const hashOf = async (offset: string) =>
      (await plan({ job: "sales.silver", from: { offsets: { "0": offset, "1": "110" } } })).hash;
    expect(await hashOf("100")).toBe(await hashOf("100"));
    expect(await hashOf("101")).not.toBe(await hashOf("100"));
  });

  it.each([
    [
      "ahead of the live job",
      { offsets: { "0": "391", "1": "10" } },
      "offsets.0",
      "from 0, the first in bronze.sales_events, to 390",
    ],
    [
      "before bronze",
      { offsets: { "0": "1", "1": "9" } },
      "offsets.1",
      "from 10, the first in bronze.sales_events, to 380",
    ],
    [
      "a partition left out",
      { offsets: { "0": "1" } },
      "offsets",
      "each partition of sales.events.v1 that sales.silver has read: 0, 1",
    ],
    ["a partition too many", { offsets: { "0": "1", "1": "10", "2": "0" } }, "offsets", "0, 1"],
    ["a version that is not there yet", { version: "91" }, "version", "from 0 to 90"],
    ["a version that is none", { version: "newest" }, "version", "from 0 to 90"],
    ["a version that the ledger has forgotten", { version: "18" }, "version", "a timestamp or offsets"],
    ["a version that the live job has not read", { version: "80" }, "version", "has come to 0: 390, 1: 380"],
  ])("refuses what is %s, and says what could be", async (_, from, field, expected) => {
    const found = await refusal({ job: "sales.silver", from });
    expect(found).toMatchObject({
      code: "invalid_request",
      status: 400,
      errors: [{ field: `body.from.${field}` }],
    });
    expect(found.errors?.[0]?.expected?.toLowerCase()).toContain(expected);
  });

  it("refuses where the live job has read nothing", async () => {
    parts.positions.position = async () => null;
    const found = await refusal({ job: "sales.silver", from: { timestamp: "2026-11-25T20:00:00Z" } });
    expect(found).toMatchObject({
      code: "replay_unsupported",
      detail: expect.stringContaining("has read nothing yet"),
    });
  });
});

describe("the plan of a replay of silver whose rules have an end", () => {
  const rules = { allowedLateness: "12h", dedupHorizon: "13h" };

  beforeEach(() => {
    parts.declared = { allowedLatenessMs: 600_000, dedupHorizonMs: HOUR };
  });

  it.each([
    ["offsets as they are", { offsets: { "0": "390", "01": "110" } }, { "0": "390", "1": "110" }],
    ["a moment by the records of bronze", { timestamp: "2026-11-25T20:00:00Z" }, { "0": "200", "1": "380" }],
    ["a version by its ledger entry", { version: "19" }, { "0": "40", "1": "50" }],
  ])("takes %s, and reads all that there is", async (_, to, end) => {
    const { plan: made } = await plan({ job: "sales.silver", to, rules });
    expect(made.end).toEqual(end);
    expect(made.jobs.map(({ rows: read }) => read)).toEqual(["760", "760", "760"]);
    expect(made.rules).toEqual({
      stored: {
        allowedLatenessMs: 600_000,
        dedupHorizonMs: 13 * HOUR,
        bounded: [{ from: null, to: end, rules: { allowedLatenessMs: 12 * HOUR } }],
      },
      changes: [
        { rule: "dedupHorizon", from: null, to: "13h", stretch: null },
        { rule: "allowedLateness", from: "10m", to: "12h", stretch: { from: null, to: end } },
      ],
    });
    expect(made.warnings).toEqual([expect.stringMatching(/^Of the new rules allowedLateness end at these offsets/)]);
  });

  it("is of a stretch where it begins in the middle, and says what the manifest declares in vain", async () => {
    parts.declared = { allowedLatenessMs: 600_000, windowMs: 60_000, allowedSkewMs: 1_000 };
    const [from, to] = [{ offsets: { "0": "100", "1": "110" } }, { offsets: { "0": "100", "1": "111" } }];
    const { plan: made } = await plan({ job: "sales.silver", from, to });
    expect(made.rules.stored).toEqual({
      allowedLatenessMs: 600_000,
      bounded: [{ from: from.offsets, to: to.offsets, rules: { allowedSkewMs: 1_000 } }],
    });
    expect(made.warnings).toContain("What the manifest declares otherwise cannot end, and is left out: window.");
  });

  it("says which stretches of the live generation it keeps", async () => {
    const known = { allowedLatenessMs: 600_000, dedupHorizonMs: 13 * HOUR };
    const bounded = [{ from: null, to: { "0": "7", "1": "8" }, rules: { allowedLatenessMs: 12 * HOUR } }];
    const live = { pipeline: "sales", number: 1, tables, rules: { ...known, bounded } };
    parts.catalog.liveGeneration = async () => live as never;
    const { plan: made } = await plan({ job: "sales.silver" });
    expect(made.rules).toEqual({ stored: { ...known, bounded }, changes: [] });
    expect(made.warnings).toEqual([
      "Records before these offsets (0: 7, 1: 8) keep allowedLateness 12h; what `rules` says without an end is for all records that are read.",
    ]);
  });

  it("refuses an end at a moment before which there are records that the live job has not read", async () => {
    parts.positions.position = async (job) => {
      const through = job === "sales.bronze" ? { "0": "400", "1": "500" } : { "0": "390", "1": "380" };
      return { through, lowWatermark: null, finalThrough: null, at: new Date(NOW) };
    };
    const found = await refusal({ job: "sales.silver", to: { timestamp: "2026-11-25T20:00:00Z" }, rules });
    expect(found).toMatchObject({
      code: "invalid_request",
      errors: [
        {
          field: "body.to.timestamp",
          expected: expect.stringContaining(
            "it has come to 0: 390, 1: 380, and the first behind that moment are 0: 200, 1: 500",
          ),
        },
      ],
    });
  });

  it("has the hash of its end", async () => {
    const hashOf = async (offset: string) =>
      (await plan({ job: "sales.silver", to: { offsets: { "0": offset, "1": "110" } }, rules })).hash;
    expect(await hashOf("100")).toBe(await hashOf("100"));
    expect(await hashOf("101")).not.toBe(await hashOf("100"));
  });

  it.each([
    [
      "behind what is read",
      { to: { offsets: { "0": "391", "1": "110" } }, rules },
      "body.to.offsets.0",
      "to 390, up to which sales.silver has read",
    ],
    [
      "where it begins",
      { from: { offsets: { "0": "100", "1": "110" } }, to: { offsets: { "0": "100", "1": "110" } }, rules },
      "body.to",
      "behind the one where the replay begins (0: 100, 1: 110)",
    ],
    [
      "before it begins",
      { from: { offsets: { "0": "100", "1": "110" } }, to: { offsets: { "0": "99", "1": "300" } }, rules },
      "body.to",
      "this one is at 0: 99, 1: 300",
    ],
    ["of no rule", { to: { offsets: { "0": "100", "1": "110" } } }, "body.to", "no rule differs that could end there"],
  ])("refuses an end %s", async (_, body, field, expected) => {
    const found = await refusal({ job: "sales.silver", ...body });
    expect(found).toMatchObject({ code: "invalid_request", status: 400, errors: [{ field }] });
    expect(found.errors?.[0]?.expected).toContain(expected);
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
    ["from offsets of gold", { job: "sales.gold", from: { offsets: { "0": "1", "1": "1" } } }],
    ["from a version of what dq reads", { job: "sales.dq", from: { version: "3" } }],
    ["up to some moment of gold", { job: "sales.gold", to: { timestamp: "2026-11-25T00:00:00Z" } }],
    ["up to some offsets of bronze", { job: "sales.bronze", to: { offsets: { "0": "1", "1": "1" } } }],
    ["from a version of what is no table", { job: "sales.bronze", from: { version: "3" } }],
  ])("because its job cannot be replayed so (%s) says what is possible", async (_, body) => {
    const found = await refusal(body);
    expect(found).toMatchObject({ code: "replay_unsupported", status: 422 });
    expect(found.next).toContain("from the beginning");
  });

  it("because copies of an event could be accepted further apart than the dedup horizon says what is needed", async () => {
    parts.declared = { allowedLatenessMs: 600_000, allowedSkewMs: 300_000, dedupHorizonMs: HOUR };
    for (const to of [{}, { to: { version: "19" } }]) {
      const found = await refusal({
        job: "sales.silver",
        rules: { allowedLateness: "12h", allowedSkew: "5m", dedupHorizon: "12h" },
        ...to,
      });
      expect(found).toMatchObject({
        code: "invalid_request",
        errors: [{ field: "body.rules.dedupHorizon", value: "12h", expected: expect.stringContaining("(725m)") }],
      });
    }
    expect(await refusal({ job: "sales.silver", rules: { allowedLateness: "12h" } })).toMatchObject({
      errors: [{ field: "body.rules.dedupHorizon", value: "1h" }],
    });
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
