import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openReadingApp } from "../fixtures/reading-app.ts";

let reading: Awaited<ReturnType<typeof openReadingApp>>;

beforeAll(async () => {
  reading = await openReadingApp();
});

afterAll(() => reading.close());

const json = async (url: string) => JSON.parse((await reading.get(url)).text);

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
