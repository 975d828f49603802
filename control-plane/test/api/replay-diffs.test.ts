import type { FastifyInstance } from "fastify";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Database, openDatabase } from "../../src/adapters/postgres/database.ts";
import { createDiffStore } from "../../src/adapters/postgres/replay-diffs.ts";
import { createPrometheus } from "../../src/adapters/prometheus.ts";
import { type AppServices, buildApp } from "../../src/app.ts";
import type { RecordChange, WindowChange } from "../../src/domain/replay/diff.ts";
import { DiffPages } from "../../src/services/replay/diff-pages.ts";
import { diffSummary, windowChange } from "../fixtures/diff-summary.ts";
import { startPostgres, type TestPostgres } from "../fixtures/postgres.ts";

const REPLAY = "5c259ff4-f81b-458a-8d21-562e0d610c1e";
const OTHER = "5c259ff4-f81b-458a-8d21-562e0d610c1f";

const figure = (revenue: string, event_count: string) => ({ revenue, event_count });
const WINDOWS: WindowChange[] = [
  windowChange("10.00", "1", { window_start: "2026-11-21T00:00:00Z", window_end: "2026-11-21T00:05:00Z" }),
  windowChange("-90071992547409931234.56", "-2", {
    kind: "removed",
    currency: "EUR",
    before: figure("90071992547409931234.56", "2"),
    after: null,
    final: true,
  }),
  windowChange("0.01", "0", {
    kind: "changed",
    before: figure("5.00", "1"),
    after: figure("5.01", "1"),
    difference: figure("0.01", "0"),
    plan_tier: "free",
    region: "NA",
  }),
];

/** As the first one, but twice as long: of a replay with other windows. */
const LONGER = { ...(WINDOWS[0] as WindowChange), window_end: "2026-11-21T00:10:00Z", kind: "removed" as const };

const state = (outcome: string) => ({
  ...{ outcome, reasons: outcome === "invalid" ? ["BAD_TIER", "BAD_AMOUNT"] : [], event_id: 'e,"1"\u0000' },
  ...{
    event_time: null,
    event_type: null,
    plan_tier: null,
    region: null,
    currency: null,
    amount: null,
    override: null,
  },
});
const place = (partition: number, offset: string) => ({ topic: "sales.events.v1", partition, offset });
const RECORDS: RecordChange[] = [
  {
    ...{ kind: "changed", ...place(0, "9007199254740993"), columns: ["outcome", "reasons"] },
    ...{ before: state("invalid"), after: state("accepted") },
  },
  { kind: "removed", ...place(0, "10"), columns: [], before: state("late"), after: null },
  { kind: "added", ...place(1, "2"), columns: [], before: null, after: state("accepted") },
];

let postgres: TestPostgres;
let database: Database;
let app: FastifyInstance;

beforeAll(async () => {
  postgres = await startPostgres();
  database = openDatabase(postgres.url, () => undefined);
  await database.migrate();
  const store = createDiffStore(database);
  await store.save(diffSummary({ replay: REPLAY }), WINDOWS, RECORDS);
  const totals = { jobs: [], applications: [], totals: null, alerts: null, publications: [] };
  const services: Partial<AppServices> = {
    diffs: new DiffPages(store),
    metrics: createPrometheus(
      async () => ({ up: { postgres: false, kafka: false }, ...totals }),
      () => 0,
    ),
  };
  app = await buildApp(services as AppServices, {
    security: { port: 8080, allowedHosts: [] },
    access: { mode: "open", rateLimits: { reads: 6_000, changes: 600 } },
    runnerToken: "unused",
    logger: pino({ level: "silent" }),
  });
}, 60_000);

afterAll(async () => {
  await app?.close();
  await database?.close();
  await postgres?.stop();
});

const ask = (path: string, replay = REPLAY) =>
  app.inject({ url: `/v1/replays/${replay}/diff${path}`, headers: { host: "127.0.0.1:8080" } });
const starts = async (query: string) =>
  (await ask(`/windows?${query}`))
    .json()
    .items.map(({ window_start, kind }: WindowChange) => `${kind} ${window_start}`);
const offsets = async (query: string) =>
  (await ask(`/records?${query}`)).json().items.map(({ partition, offset }: RecordChange) => `${partition}/${offset}`);

describe("the diff of a replay", () => {
  it("says in words what it says in figures", async () => {
    const answer = await ask("");
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({
      ...diffSummary({ replay: REPLAY }),
      text: ["No difference: 40 window figures and 1000 records are the same in both."],
    });
  });

  it.each(["", "/windows", "/records"])("is none for a replay that was not compared: %s", async (path) => {
    const answer = await ask(path, OTHER);
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toMatchObject({ code: "unknown_diff", detail: expect.stringContaining(OTHER) });
  });

  it.each([
    ["", "?verbose=1", "verbose"],
    ["/windows", "?currency=GBP", "currency"],
    ["/windows", "?from=yesterday", "from"],
    ["/windows", "?kind=new", "kind"],
    ["/windows", "?cursor=x", "cursor"],
    ["/records", "?before=good", "before"],
    ["/records", "?partition=-1", "partition"],
    ["/records", "?limit=0", "limit"],
  ])("names what is wrong with %s%s", async (path, query, field) => {
    const answer = await ask(`${path}${query}`);
    expect(answer.statusCode).toBe(400);
    expect(answer.json().errors.map((error: { field: string }) => error.field)).toEqual([field]);
  });

  it("takes no id that is none", async () => {
    expect((await ask("", "latest")).statusCode).toBe(400);
  });
});

describe("its windows", () => {
  it("come exact, in order, and with both figures", async () => {
    const { items, nextCursor, comparedAt } = (await ask("/windows")).json();
    expect(items).toEqual([WINDOWS[0], WINDOWS[1], WINDOWS[2]]);
    expect(nextCursor).toBeNull();
    expect(comparedAt).toBe(diffSummary().comparedAt);
  });

  it("are filtered", async () => {
    expect(await starts("kind=changed")).toEqual(["changed 2026-11-21T00:05:00Z"]);
    expect(await starts("currency=EUR")).toEqual(["removed 2026-11-21T00:05:00Z"]);
    expect(await starts("plan_tier=free&region=NA,EU")).toEqual(["changed 2026-11-21T00:05:00Z"]);
    expect(await starts("to=2026-11-21T00:05:00Z")).toEqual(["added 2026-11-21T00:00:00Z"]);
    expect(await starts("from=2026-11-21T00:05:00Z")).toHaveLength(2);
  });

  it("come in pages that miss none", async () => {
    const seen: WindowChange[] = [];
    let cursor = "";
    for (;;) {
      const { items, nextCursor } = (await ask(`/windows?limit=1${cursor}`)).json();
      seen.push(...items);
      if (nextCursor === null) break;
      cursor = `&cursor=${nextCursor}`;
    }
    expect(seen).toEqual(WINDOWS);
  });

  it("come as CSV, with the cursor in a header", async () => {
    const answer = await ask("/windows?format=csv&limit=2");
    expect(answer.headers["content-type"]).toContain("text/csv");
    expect(answer.headers["penstock-next-cursor"]).toEqual(expect.any(String));
    expect(answer.body.split("\r\n")).toEqual([
      "kind,window_start,window_end,plan_tier,region,currency,final,revenue_before,revenue_after,revenue_difference,event_count_before,event_count_after,event_count_difference",
      "added,2026-11-21T00:00:00Z,2026-11-21T00:05:00Z,enterprise,EU,USD,false,,10.00,10.00,,1,1",
      "removed,2026-11-21T00:05:00Z,2026-11-21T00:10:00Z,enterprise,EU,EUR,true,90071992547409931234.56,,-90071992547409931234.56,2,,-2",
      "",
    ]);
  });
});

describe("its records", () => {
  it("come by their places, whatever their bytes were", async () => {
    const { items } = (await ask("/records")).json();
    expect(items).toEqual([RECORDS[1], RECORDS[0], RECORDS[2]]);
  });

  it("are filtered by what they became", async () => {
    expect(await offsets("before=invalid&after=accepted")).toEqual(["0/9007199254740993"]);
    expect(await offsets("after=accepted")).toEqual(["0/9007199254740993", "1/2"]);
    expect(await offsets("kind=removed")).toEqual(["0/10"]);
    expect(await offsets("partition=1")).toEqual(["1/2"]);
  });

  it("come in pages, and as CSV with what needs quotes in quotes", async () => {
    const first = await ask("/records?limit=2&format=csv");
    const cursor = first.headers["penstock-next-cursor"];
    expect((await ask(`/records?cursor=${cursor}`)).json().items).toEqual([RECORDS[2]]);
    const [names, ...rows] = first.body.split("\r\n");
    expect(names?.split(",").slice(0, 9)).toEqual([
      "kind",
      "topic",
      "partition",
      "offset",
      "columns",
      "outcome_before",
      "outcome_after",
      "reasons_before",
      "reasons_after",
    ]);
    const cells =
      'changed,sales.events.v1,0,9007199254740993,outcome reasons,invalid,accepted,BAD_TIER BAD_AMOUNT,,"e,""1""\u0000",';
    expect(rows[1]?.startsWith(cells), rows[1]).toBe(true);
  });
});

it("windows of another length are told apart, also by a cursor", async () => {
  const store = createDiffStore(database);
  await store.save(diffSummary({ replay: OTHER }), [WINDOWS[0] as WindowChange, LONGER], []);
  const first = (await ask("/windows?limit=1", OTHER)).json();
  const second = (await ask(`/windows?limit=1&cursor=${first.nextCursor}`, OTHER)).json();
  const ends = [...first.items, ...second.items].map(({ window_end }: WindowChange) => window_end);
  expect(ends).toEqual(["2026-11-21T00:05:00Z", "2026-11-21T00:10:00Z"]);
  expect(second.nextCursor).toBeNull();
});

it("a cursor of an earlier comparison is refused: it would go on in another one", async () => {
  const { nextCursor } = (await ask("/windows?limit=1")).json();
  await createDiffStore(database).save(
    diffSummary({ replay: REPLAY, comparedAt: "2026-11-26T03:00:00Z" }),
    WINDOWS,
    RECORDS,
  );
  const answer = await ask(`/windows?limit=1&cursor=${nextCursor}`);
  expect(answer.statusCode).toBe(400);
  expect(answer.json().errors[0].field).toBe("cursor");
});
