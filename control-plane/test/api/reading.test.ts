import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openReadingApp } from "../fixtures/reading-app.ts";

let reading: Awaited<ReturnType<typeof openReadingApp>>;

beforeAll(async () => {
  reading = await openReadingApp();
});

afterAll(() => reading.close());

const json = async (url: string) => JSON.parse((await reading.get(url)).text);

describe("GET /v1/revenue/windows", () => {
  it("answers windows with the snapshot that they come from", async () => {
    const answer = await json("/v1/revenue/windows?grain=5m&currency=CAD");
    expect(answer).toEqual({
      items: [
        {
          window_start: "2026-11-21T00:05:00Z",
          window_end: "2026-11-21T00:10:00Z",
          plan_tier: "enterprise",
          region: "APAC",
          currency: "CAD",
          revenue: "-7.35",
          event_count: 1,
          status: "final",
          revision: 1,
        },
      ],
      nextCursor: null,
      snapshot: {
        generation: 1,
        lowWatermark: "2026-11-21T00:24:00.123456Z",
        finalThrough: "2026-11-21T00:10:00Z",
        asOf: expect.stringMatching(/^20.*Z$/),
        tables: { "gold.revenue_5m": { version: 2 }, "gold.revenue_5m_updates": { version: 6 } },
      },
    });
  });

  it.each(["region=EU&region=LATAM", "region=EU,LATAM"])("takes several values of a filter: %s", async (query) => {
    const { items } = await json(`/v1/revenue/windows?${query}`);
    expect(new Set(items.map((item: { region: string }) => item.region))).toEqual(new Set(["EU", "LATAM"]));
  });

  it("answers CSV with a header, and in the headers what goes on and what it comes from", async () => {
    const { type, text, headers } = await reading.get("/v1/revenue/windows?format=csv&limit=2&order=desc");
    expect(type).toContain("text/csv");
    expect(text).toBe(
      "window_start,window_end,plan_tier,region,currency,revenue,event_count,status,revision\r\n" +
        "2026-11-21T00:15:00Z,2026-11-21T00:20:00Z,pro,LATAM,USD,3.30,1,provisional,\r\n" +
        "2026-11-21T00:10:00Z,2026-11-21T00:15:00Z,pro,EU,USD,5.00,1,provisional,\r\n",
    );
    expect(JSON.parse(String(headers["penstock-snapshot"]))).toMatchObject({
      generation: 1,
      finalThrough: "2026-11-21T00:10:00Z",
    });
    const next = await json(`/v1/revenue/windows?limit=1&order=desc&cursor=${headers["penstock-next-cursor"]}`);
    expect(next.items[0].currency).toBe("EUR");
  });

  it("writes amounts as exact texts in every format, whatever their size and sign", async () => {
    const amounts = ["11.30", "0.00", "90071992547409931234.56", "-7.35", "3.03", "5.00", "3.30"];
    const { text } = await reading.get("/v1/revenue/windows");
    expect([...text.matchAll(/"revenue":("[^"]*")/g)].map(([, value]) => JSON.parse(value ?? ""))).toEqual(amounts);
    const csv = (await reading.get("/v1/revenue/windows?format=csv")).text.trimEnd().split("\r\n").slice(1);
    expect(csv.map((line) => line.split(",")[5])).toEqual(amounts);
    const lines = (await reading.get("/v1/revenue/windows?format=ndjson")).text.trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line).revenue)).toEqual(amounts);
  });

  it("answers one JSON object per line", async () => {
    const { type, text } = await reading.get("/v1/revenue/windows?format=ndjson");
    expect(type).toContain("application/x-ndjson");
    const lines = text.trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual((await json("/v1/revenue/windows")).items);
  });

  it("answers rolled windows in every format, and as of a moment of the past", async () => {
    const query = "/v1/revenue/windows?rolling=15m&currency=CAD&as_of=version:6";
    const { items } = await json(query);
    const about = { plan_tier: "enterprise", region: "APAC", currency: "CAD", revenue: "-7.35", event_count: 1 };
    expect(items).toEqual([
      {
        window_start: "2026-11-20T23:55:00Z",
        window_end: "2026-11-21T00:10:00Z",
        ...about,
        status: "final",
        revision: 1,
      },
      {
        window_start: "2026-11-21T00:00:00Z",
        window_end: "2026-11-21T00:15:00Z",
        ...about,
        status: "provisional",
        revision: null,
      },
      {
        window_start: "2026-11-21T00:05:00Z",
        window_end: "2026-11-21T00:20:00Z",
        ...about,
        status: "provisional",
        revision: null,
      },
    ]);
    const lines = (await reading.get(`${query}&format=ndjson`)).text.trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual(items);
    const csv = (await reading.get(`${query}&format=csv`)).text.trimEnd().split("\r\n");
    expect(csv).toHaveLength(4);
    expect(csv[3]).toBe("2026-11-21T00:05:00Z,2026-11-21T00:20:00Z,enterprise,APAC,CAD,-7.35,1,provisional,");
  });

  it.each([
    ["from=2026-11-22T00:00:00Z&to=2026-11-21T00:00:00Z", "from", "not after"],
    ["from=2026-11-21T00:00:00", "from", "with zone"],
    ["from=21.11.2026", "from", "ISO-8601"],
    ["to=2026-11-21T00:00:00+01:00", "to", "%2B"],
    ["plan_tier=gold", "plan_tier", "free, pro, enterprise"],
    ["plan_tier=pro,", "plan_tier", "free, pro, enterprise"],
    ["region=eu", "region", "NA, EU, LATAM, APAC"],
    ["currency=GBP", "currency", "USD, CAD, EUR"],
    ["grain=7m", "grain", "5m, 15m, 1h, 1d"],
    ["grain=soon", "grain", "5m, 15m, 1h, 1d"],
    ["rolling=1d&grain=1d", "rolling", "longer than it"],
    ["rolling=90d", "rolling", "at most 2016 times the grain"],
    ["as_of=yesterday", "as_of", "version:12"],
    ["as_of=2999-01-01T00:00:00Z", "as_of", "not in the future"],
    ["as_of=version:7", "as_of", "version:6 at most"],
    ["order=newest", "order", "asc, desc"],
    ["format=xml", "format", "json, csv, ndjson"],
    ["limit=0", "limit", ">= 1"],
    ["limit=10001", "limit", "<= 10000"],
    ["limit=many", "limit", "integer"],
    ["cursor=abc", "cursor", "nextCursor"],
    ["tier=pro", "tier", "no such query parameter"],
  ])("refuses %s by name, with what was expected", async (query, field, expectedText) => {
    const { status, type, text } = await reading.get(`/v1/revenue/windows?${query}`);
    expect([status, type.split(";")[0]]).toEqual([400, "application/problem+json"]);
    const { code, errors } = JSON.parse(text);
    expect(code).toBe("invalid_request");
    expect(errors).toEqual([expect.objectContaining({ field, expected: expect.stringContaining(expectedText) })]);
  });
});

describe("GET /v1/revenue/explain", () => {
  const figure = "window_start=2026-11-20T23:55:00Z&plan_tier=pro&region=EU&currency=EUR";

  it("tells how a figure came to be what it is", async () => {
    const answer = await json(`/v1/revenue/explain?${figure}`);
    expect(answer).toMatchObject({
      figure: { revenue: "11.30", event_count: 4, status: "final", revision: 2 },
      summary: "11.30 EUR from 4 events, final, revision 2.",
      // Silver of this lake is of other events.
      addsUp: false,
      sums: { figure: { revenue: "11.30" }, updates: { revenue: "11.30" }, rows: { revenue: "0.00" } },
      nextCursor: null,
      snapshot: { finalThrough: "2026-11-21T00:10:00Z", tables: { "silver.sales_events": { version: 2 } } },
    });
    expect(answer.changes.map(({ kind, revenue }: Record<string, string>) => `${kind} ${revenue}`)).toEqual([
      "counted 10.10",
      "counted 10.30",
      "final 10.30",
      "revised 11.30",
    ]);
  });

  it("answers of a figure without events that there is none", async () => {
    const { figure: none, summary } = await json(`/v1/revenue/explain?${figure.replace("pro", "free")}`);
    expect([none, summary]).toEqual([null, "No event of this figure has been counted."]);
  });

  it.each([
    [figure.replace("23:55", "23:56"), "window_start", "the start of a window of 5m"],
    [figure.replace("&currency=EUR", ""), "currency", "a value"],
    [`${figure}&grain=7m`, "grain", "5m, 15m, 1h, 1d"],
    [`${figure}&as_of=version:99`, "as_of", "at most"],
    [`${figure}&cursor=abc`, "cursor", "nextCursor"],
    [`${figure}&from=2026-11-20T23:55:00Z`, "from", "no such query parameter"],
  ])("refuses %s by name", async (query, field, expected) => {
    const { status, text } = await reading.get(`/v1/revenue/explain?${query}`);
    expect(status).toBe(400);
    expect(JSON.parse(text).errors).toEqual([
      expect.objectContaining({ field, expected: expect.stringContaining(expected) }),
    ]);
  });
});

describe("GET /v1/dq/metrics and /v1/dq/samples", () => {
  it("answer rows with the columns of their tables", async () => {
    const metrics = await json("/v1/dq/metrics?limit=1");
    expect(metrics.items[0]).toMatchObject({
      batch_id: 6,
      dq_run_ts: "2026-11-21T00:06:00Z",
      total_records: 5,
      low_watermark: "2026-11-21T00:01:02.003Z",
    });
    expect(typeof metrics.nextCursor).toBe("string");
    const samples = await json("/v1/dq/samples?reason=BAD_MAGIC");
    expect(samples.items[0]).toMatchObject({
      dq_violation_reason: "BAD_MAGIC",
      offset: "9007199254740995",
      plan_tier: "pro",
      amount: null,
    });
  });

  it.each([
    ["/v1/dq/metrics?from=now", "from"],
    ["/v1/dq/metrics?reason=BAD_MAGIC", "reason"],
    ["/v1/dq/samples?batch_id=-1", "batch_id"],
    ["/v1/dq/samples?batch_id=one", "batch_id"],
    ["/v1/dq/samples?cursor=WzFd", "cursor"],
  ])("refuse %s by name", async (url, field) => {
    const { status, text } = await reading.get(url);
    expect([status, JSON.parse(text).errors[0].field]).toEqual([400, field]);
  });
});

describe("GET /v1/audit/outcomes", () => {
  it("accounts for every record", async () => {
    const answer = await json("/v1/audit/outcomes");
    expect([answer.records, answer.distinctOffsets, answer.bronzeRecords]).toEqual(["11", "11", "11"]);
    expect(answer.items.at(-1)).toEqual({
      outcome: "invalid",
      records: "2",
      reasons: { BAD_AMOUNT: "2", NULL_REQUIRED: "1" },
    });
  });

  it("refuses parameters, of which it has none", async () => {
    expect((await reading.get("/v1/audit/outcomes?from=now")).status).toBe(400);
  });
});

describe("the description of the API", () => {
  it("has an operation, a summary and described parameters for each of these resources", async () => {
    const { paths } = await json("/docs/json");
    for (const path of ["/v1/revenue/windows", "/v1/dq/metrics", "/v1/dq/samples", "/v1/audit/outcomes"]) {
      const { operationId, summary, parameters = [] } = paths[path].get;
      expect([operationId, summary]).toEqual([expect.any(String), expect.any(String)]);
      for (const parameter of parameters) expect(parameter.description, `${path} ${parameter.name}`).toBeTruthy();
    }
    expect(Object.keys(paths["/v1/revenue/windows"].get.responses["200"].content)).toEqual([
      "application/json",
      "text/csv",
      "application/x-ndjson",
    ]);
  });
});

describe("GET /v1/quarantine", () => {
  it("answers refused records with everything that is known of them", async () => {
    const { items, nextCursor, snapshot } = await json("/v1/quarantine?reason=NULL_REQUIRED&limit=1");
    expect(items).toEqual([
      {
        ...{ topic: "sales.events.v1", partition: 0, offset: "9007199254740996", kafka_timestamp: expect.any(String) },
        ...{ schema_id: 1, outcome: "invalid", reasons: ["BAD_AMOUNT", "NULL_REQUIRED"], event_id: "e9" },
        ...{ repeats: null, conflict: null, decoded: null, extra: null, key: null, headers: null, override: null },
        value: { base64: "AAk=", text: "\u0000\t", length: 2 },
      },
    ]);
    expect([nextCursor, snapshot.generation]).toEqual([null, 1]);
    const whole = await json("/v1/quarantine/sales.events.v1/0/9007199254740996");
    expect(whole).toEqual({ ...items[0], snapshot });
  });

  it.each([
    ["outcome=accepted", "outcome"],
    ["partition=-1", "partition"],
    ["from_offset=1e3", "from_offset"],
    ["to_offset=99999999999999999999", "to_offset"],
    ["from=yesterday", "from"],
    ["cursor=x", "cursor"],
    ["outcomes=late", "outcomes"],
  ])("names what is wrong with %s", async (query, field) => {
    const { status, text } = await reading.get(`/v1/quarantine?${query}`);
    expect([status, JSON.parse(text).errors?.[0]?.field]).toEqual([400, field]);
  });

  it("knows no record that was not refused", async () => {
    const { status, text } = await reading.get("/v1/quarantine/sales.events.v1/0/9007199254740993");
    expect([status, JSON.parse(text).code]).toEqual([404, "unknown_record"]);
    expect((await reading.get("/v1/quarantine/sales.events.v1/first/0")).status).toBe(400);
  });
});

describe("an instant at an end of the calendar", () => {
  const figure = "plan_tier=free&region=EU&currency=EUR";
  const late = ["9999-12-31T23:59:59Z", "9999-12-31T23:55:00Z", "9999-12-31T23:59:59-14:00", "0000-01-01T00:00:00Z"];
  const calls: [url: string, field: string][] = [
    ["/v1/revenue/windows?grain=1d&from=", "from"],
    ["/v1/revenue/windows?to=", "to"],
    ["/v1/revenue/windows?as_of=", "as_of"],
    ["/v1/revenue/windows?rolling=1h&to=", "to"],
    [`/v1/revenue/explain?${figure}&window_start=`, "window_start"],
    ["/v1/quarantine?from=", "from"],
    ["/v1/quarantine?to=", "to"],
    ["/v1/dq/metrics?to=", "to"],
  ];

  it.each(calls.flatMap(([url, field]) => late.map((instant) => [url, instant, field] as const)))(
    "is refused by name: %s%s",
    async (url, instant, field) => {
      const { status, text } = await reading.get(`${url}${instant}`);
      expect([status, JSON.parse(text).errors?.[0].field], text).toEqual([400, field]);
    },
  );

  it.each(
    calls.flatMap(([url]) =>
      ["0001-01-01T00:00:00Z", "9998-12-31T23:55:00Z"].map((instant) => [url, instant] as const),
    ),
  )("is answered just before it: %s%s", async (url, instant) => {
    const { status, text } = await reading.get(`${url}${instant}`);
    // There is no figure to explain, and nothing is known of then.
    expect([200, 404, url.includes("as_of") ? 400 : 200], text).toContain(status);
  });
});
