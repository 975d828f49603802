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
