import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DuckDb } from "../../../src/adapters/duckdb.ts";
import { lakeFiles } from "../../../src/adapters/lake-files.ts";
import { createRunStore } from "../../../src/adapters/postgres/runs.ts";
import { type ExplainRequest, type Explanation, Explanations } from "../../../src/services/revenue/explain.ts";
import { createRevenue, type Revenue } from "../../../src/services/revenue/windows.ts";
import { GoldWriter, type Part, type SilverRow } from "../../fixtures/gold-writer.ts";
import { startLedger, type TestLedger } from "../../fixtures/ledger.ts";

let ledger: TestLedger;
let gold: GoldWriter;
let engine: DuckDb;
let revenue: Revenue;
let explanations: Explanations;
/** when the figure was looked at, and what was explained then */
const looks: { at: string; explanation: Explanation }[] = [];

const EUR = { plan_tier: "pro", region: "EU", currency: "EUR" };
const FIGURE = { window_start: "2026-11-21T10:05:00Z", ...EUR };
const explain = (request: Partial<ExplainRequest> = {}) => explanations.explain({ ...FIGURE, limit: 1000, ...request });

let offset = 9_007_199_254_740_992n;
function record(time: string, amount: string | null, more: Partial<SilverRow> = {}): SilverRow {
  offset += 1n;
  const event_time = `2026-11-21T10:${time}Z`;
  const row = {
    partition: Number(offset % 2n),
    offset,
    event_time,
    kafka_timestamp: event_time,
  };
  return {
    ...row,
    outcome: "accepted",
    event_id: `e${offset % 1000n}`,
    event_type: "renewal",
    ...EUR,
    amount,
    ...more,
  };
}

/** Everything up to the newest record, per partition. */
function through(rows: readonly SilverRow[]): Record<string, string> {
  const next = String((rows.at(-1)?.offset ?? offset) + 1n);
  return { 0: next, 1: next };
}

/** What the gold job would make of accepted rows. */
function partsOf(rows: readonly SilverRow[]): Part[] {
  return rows
    .filter(({ outcome }) => outcome === "accepted")
    .map(({ event_time, amount, plan_tier, region, currency }) => ({
      start: new Date(Math.floor(Date.parse(event_time) / 300_000) * 300_000).toISOString(),
      ...{
        plan_tier: plan_tier ?? "",
        region: region ?? "",
        currency: currency ?? "",
        revenue: amount ?? "",
        event_count: 1,
      },
    }));
}

async function look(): Promise<void> {
  await delay(2);
  const explanation = await explain();
  looks.push({ at: new Date().toISOString(), explanation });
  await delay(2);
}

beforeAll(async () => {
  ledger = await startLedger();
  gold = await GoldWriter.open();
  const opened = await gold.read();
  engine = opened.engine;
  const { commits, database } = ledger;
  const clock = { now: () => new Date() };
  const parts = { snapshots: opened.snapshots, commits, log: lakeFiles(), clock, windowMs: 300_000 };
  revenue = createRevenue(parts);
  const rules = { allowedLatenessMs: 600_000, allowedSkewMs: 300_000 };
  explanations = new Explanations({ ...parts, runs: createRunStore(database), rules });

  const batches: [SilverRow[], mark: string, finalThrough: string | null][] = [
    [[record("05:00.000001", "10.10"), record("09:59.999999", "0.20"), record("04:59.999999", "7.00")], "10:00", null],
    [
      [
        record("06:00", "-3.00", { event_type: "refund" }),
        record("06:00", "99.00", { currency: "USD" }),
        record("07:00", "10.10", { outcome: "duplicate" }),
        record("05:00", "1.00", { outcome: "late", kafka_timestamp: "2026-11-21T10:15:00.001Z" }),
        record("07:00", null, { outcome: "invalid", reasons: "BAD_AMOUNT" }),
        record("07:00", "4.00", { outcome: "invalid", reasons: "NULL_REQUIRED", currency: null }),
        record("07:00", "4.00", { outcome: "invalid", reasons: "INVALID_DOMAIN", region: "MOON" }),
        record("07:00", "4.00", { outcome: "invalid", reasons: "NULL_REQUIRED", plan_tier: "free", currency: null }),
        record("10:00", "4.00", { outcome: "future", kafka_timestamp: "2026-11-21T10:04:59Z" }),
      ],
      "17:00",
      null,
    ],
    [[record("11:00", "5.00")], "22:00", "10:10"],
    [[record("08:00", "100.00"), record("12:00", "1.00")], "23:00", null],
    [[record("13:00", "1.00")], "26:00", "10:15"],
  ];
  for (const [rows, mark, finalThrough] of batches) {
    gold.epoch = await ledger.run("sales.gold");
    await gold.appendSilver(rows);
    const lowWatermark = `2026-11-21T10:${mark}Z`;
    const told = await gold.append(partsOf(rows), lowWatermark, through(rows));
    await look();
    await ledger.hear(told);
    if (finalThrough !== null) {
      await ledger.hear(await gold.finalise(`2026-11-21T${finalThrough}:00Z`, lowWatermark));
      await look();
    }
  }
  // Silver is ahead of gold.
  await gold.appendSilver([record("09:00", "1000.00"), record("09:00", "1.00", { outcome: "late" })]);
}, 120_000);

afterAll(async () => {
  engine?.close();
  gold?.remove();
  await ledger?.stop();
});

const last = () => looks.at(-1)?.explanation as Explanation;
const counted = ({ items }: Explanation) => items.filter(({ outcome }) => outcome === "accepted");
const refused = ({ items }: Explanation) => items.filter(({ outcome }) => outcome !== "accepted");

describe("the explanation of a figure", () => {
  it("adds up: figure, batches and records are the same, at every moment", async () => {
    expect(looks.map(({ explanation: { figure } }) => [figure?.revenue, figure?.status, figure?.revision])).toEqual([
      ["10.30", "provisional", null],
      ["7.30", "provisional", null],
      ["7.30", "provisional", null],
      ["7.30", "final", 1],
      ["7.30", "final", 1],
      ["7.30", "final", 1],
      ["107.30", "final", 2],
    ]);
    for (const { explanation } of looks) {
      const { figure, sums, batches, addsUp } = explanation;
      expect(addsUp).toBe(true);
      expect(sums.figure).toEqual({ revenue: figure?.revenue, event_count: String(figure?.event_count) });
      expect(sums.updates).toEqual(sums.figure);
      const cents = (text: string | null) => BigInt((text ?? "").replace(".", ""));
      const added = counted(explanation).reduce((sum, { amount }) => sum + cents(amount), 0n);
      expect(added).toBe(cents(sums.updates.revenue) + cents(sums.pending.revenue));
      expect(cents(batches.at(-1)?.total ?? null)).toBe(added);
    }
    expect((await explain()).addsUp).toBe(true);
  });

  it("has the figure that the list of windows has, now and then, by every grain", async () => {
    const filters = { plan_tier: ["pro"], region: ["EU"], currency: ["EUR"] };
    for (const [grain, window_start] of [
      ["5m", "2026-11-21T10:05:00Z"],
      ["15m", "2026-11-21T10:00:00Z"],
      ["1h", "2026-11-21T10:00:00Z"],
      ["1d", "2026-11-21T00:00:00Z"],
    ] as const) {
      for (const as_of of [undefined, looks[1]?.at, looks[4]?.at]) {
        const { items } = await revenue.windows({ ...filters, grain, as_of, order: "asc", limit: 100 });
        const { figure, addsUp } = await explain({ grain, window_start, as_of });
        expect(figure).toEqual(items.find((item) => item.window_start === window_start));
        expect(addsUp).toBe(true);
      }
    }
  });

  it("as of a moment is what it was then", async () => {
    for (const { at, explanation } of looks) {
      const again = await explain({ as_of: at });
      const { snapshot: _, runs: __, ...now } = again;
      const { snapshot: ___, runs: ____, ...then } = explanation;
      expect(now).toEqual(then);
    }
  });

  it("lists the records that it is the sum of, with the batch that counted each", () => {
    expect(
      counted(last()).map(({ event_type, amount, kafka_timestamp, batch }) => [
        event_type,
        amount,
        kafka_timestamp,
        batch,
      ]),
    ).toEqual([
      ["renewal", "10.10", "2026-11-21T10:05:00.000001Z", 0],
      ["refund", "-3.00", "2026-11-21T10:06:00Z", 1],
      ["renewal", "100.00", "2026-11-21T10:08:00Z", 3],
      ["renewal", "0.20", "2026-11-21T10:09:59.999999Z", 0],
    ]);
    expect(counted(last())[0]).toMatchObject({
      topic: "sales.events.v1",
      partition: 1,
      offset: "9007199254740993",
      override: null,
    });
  });

  it("lists the records that would have fallen into it, and says why they did not", () => {
    expect(refused(last()).map(({ outcome, unknown, why }) => [outcome, unknown, why])).toEqual([
      ["duplicate", [], "A record with the same event_id had been accepted before it."],
      [
        "invalid",
        [],
        "It is invalid: its amount is no amount, does not fit into 18 digits, or has the wrong sign for its event type.",
      ],
      ["invalid", ["region"], "It is invalid: a field has a value outside of its domain."],
      ["invalid", ["currency"], "It is invalid: a required field is empty."],
      ["late", [], "It was appended 10m0.001s after it happened; 10m are allowed."],
    ]);
    expect(last().outcomes).toEqual({ accepted: "4", duplicate: "1", late: "1", future: "0", invalid: "3" });
  });

  it("tells how it came to be what it is", async () => {
    const { changes, batches, runs } = await explain();
    const made = batches.map(({ committedAt }) => committedAt);
    const [first, second] = [changes.find(({ kind }) => kind === "final"), changes.at(-1)];
    expect(changes.map(({ text }) => text)).toEqual([
      `At ${made[0]} batch 0 counted 2 events worth 10.30 EUR: the first ones of this figure.`,
      `At ${made[1]} batch 1 counted 1 more event worth -3.00 EUR: 10.30 EUR became 7.30 EUR.`,
      `At ${first?.at} it became final at 7.30 EUR: everything appended before 2026-11-21T10:22:00Z had been read.`,
      `At ${second?.at} batch 3 had counted 1 more event worth 100.00 EUR after the window was final; this was summed up: 7.30 EUR became 107.30 EUR, revision 2.`,
    ]);
    expect(batches.map(({ batch, revenue: sum, total }) => [batch, sum, total])).toEqual([
      [0, "10.30", "10.30"],
      [1, "-3.00", "7.30"],
      [3, "100.00", "107.30"],
    ]);
    expect(
      batches.every(({ epoch, version, committedAt }) => epoch !== null && version !== null && committedAt !== null),
    ).toBe(true);
    expect(runs.map(({ epoch }) => epoch)).toEqual(batches.map(({ epoch }) => epoch));
    expect(runs.at(0)).toMatchObject({ job: "sales.gold", endedAt: expect.any(Date) });
  });

  it("says it in a sentence", () => {
    const summaries = looks.map(({ explanation }) => explanation.summary);
    expect(summaries[0]).toBe(
      "10.30 EUR from 2 events, provisional. Read is what was appended before 2026-11-21T10:10:00Z: it may still change.",
    );
    expect(summaries[4]).toBe(
      "7.30 EUR from 3 events, final. 1 more, counted after it was final, will make a revision. Records that were not counted in it: 1 duplicate, 1 late, 3 invalid.",
    );
    expect(summaries.at(-1)).toContain("107.30 EUR from 4 events, final, revision 2.");
  });

  it("comes in pages of records", async () => {
    const items: unknown[] = [];
    let cursor: string | undefined;
    do {
      const page = await explain({ limit: 2, cursor });
      expect(page.items.length).toBeLessThanOrEqual(2);
      items.push(...page.items);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(items).toEqual(last().items);
    const { nextCursor } = await explain({ limit: 2 });
    const other = explain({ currency: "USD", cursor: nextCursor as string });
    await expect(other).rejects.toMatchObject({ details: { errors: [{ field: "cursor" }] } });
  });

  it("does not add up, and says so, where a batch is not what the records are", async () => {
    await gold.append([{ ...(partsOf([record("05:00", "0.01")])[0] as Part) }], "2026-11-21T10:27:00Z", through([]));
    const broken = await explain();
    expect(broken.addsUp).toBe(false);
    expect(broken.sums).toMatchObject({
      pending: { revenue: "0.01" },
      updates: { revenue: "107.30" },
      rows: { revenue: "1107.30" },
    });
  });
});

describe("a figure that there is not", () => {
  it("is said to be none, with the records that would have been in it", async () => {
    const none = await explain({ plan_tier: "free" });
    const { figure, summary, changes, batches, addsUp } = none;
    expect({ figure, changes, batches, addsUp }).toEqual({
      figure: null,
      changes: [],
      batches: [],
      addsUp: true,
    });
    expect(none.items.map(({ unknown }) => unknown)).toEqual([["currency"]]);
    expect(summary).toBe("No event of this figure has been counted. Records that were not counted in it: 1 invalid.");
    const future = await explain({ window_start: "2030-01-01T00:00:00Z" });
    expect(future.summary).toContain("it may still change");
  });

  it.each([
    [{ window_start: "2026-11-21T10:06:00Z" }, "window_start", "2026-11-21T10:05:00Z or 2026-11-21T10:10:00Z"],
    [{ window_start: "10:05" }, "window_start", "ISO-8601"],
    [{ window_start: "2026-11-21T10:05:00Z", grain: "1h" }, "window_start", "a window of 1h"],
    [{ region: "eu" }, "region", "NA, EU, LATAM, APAC"],
    [{ currency: "EUR,USD" }, "currency", "one value"],
    [{ grain: "7m" }, "grain", "5m, 15m, 1h, 1d"],
    [{ as_of: "2999-01-01T00:00:00Z" }, "as_of", "not in the future"],
  ])("is refused where the request is wrong: %j", async (request, field, expected) => {
    await expect(explain(request)).rejects.toMatchObject({
      details: { status: 400, errors: [{ field, expected: expect.stringContaining(expected) }] },
    });
  });
});
