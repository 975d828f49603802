import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readCurl } from "../../../test/guide/curl.ts";
import { readGuide } from "../../../test/guide/guide.ts";
import { openDuckDb } from "../../src/adapters/duckdb.ts";
import { openReadingApp } from "../fixtures/reading-app.ts";

let reading: Awaited<ReturnType<typeof openReadingApp>>;

beforeAll(async () => {
  reading = await openReadingApp();
  // The first one starts the process.
  await post({ sql: "SELECT 1" });
});

afterAll(() => reading.close());

async function post(body: object, headers: Record<string, string> = {}) {
  const answer = await reading.app.inject({
    method: "POST",
    url: "/v1/sql",
    headers: { host: "127.0.0.1:8080", "content-type": "application/json", ...headers },
    payload: JSON.stringify(body),
  });
  return { status: answer.statusCode, headers: answer.headers, text: answer.body, bytes: answer.rawPayload };
}

const VALUES = `SELECT 12345678901234567890.10::DECIMAL(38, 2) AS money, 9007199254740993 AS big, 7 AS small, NULL AS nothing, '' AS empty,
  'a "b", c' AS text, TIMESTAMPTZ '2026-11-21 01:05:00.1234+01' AS at, '\\x00\\xFF'::BLOB AS bytes, [1.50::DECIMAL(4, 2)] AS list, 'NaN'::DOUBLE AS nan,
  'infinity'::TIMESTAMP AS never, 1 AS small`;

describe("POST /v1/sql", () => {
  it("answers columns with their types, exact values, and the snapshot that they come from", async () => {
    const { status, text } = await post({ sql: VALUES });
    const answer = JSON.parse(text);
    expect(status).toBe(200);
    expect(answer.columns.map(({ name, type }: { name: string; type: string }) => `${name} ${type}`)).toEqual([
      "money DECIMAL(38,2)",
      "big BIGINT",
      "small INTEGER",
      "nothing INTEGER",
      "empty VARCHAR",
      "text VARCHAR",
      "at TIMESTAMP WITH TIME ZONE",
      "bytes BLOB",
      "list DECIMAL(4,2)[]",
      "nan DOUBLE",
      "never TIMESTAMP",
      "small INTEGER",
    ]);
    expect(answer.rows).toEqual([
      [
        "12345678901234567890.10",
        "9007199254740993",
        7,
        null,
        "",
        'a "b", c',
        "2026-11-21T00:05:00.123400Z",
        "AP8=",
        ["1.50"],
        "NaN",
        "infinity",
        1,
      ],
    ]);
    expect(answer).toMatchObject({ rowCount: 1, truncated: false, truncatedBy: null, durationMs: expect.any(Number) });
    expect(answer.snapshot).toEqual({
      generation: 1,
      lowWatermark: "2026-11-21T00:24:00.123456Z",
      finalThrough: "2026-11-21T00:10:00Z",
      tables: {
        "bronze.sales_events": { version: expect.any(Number) },
        "silver.sales_events": { version: expect.any(Number) },
        "gold.revenue_5m": { version: 2 },
        "gold.revenue_5m_updates": { version: 6 },
        "dq.revenue_5m.metrics": { version: expect.any(Number) },
        "dq.revenue_5m.samples": { version: expect.any(Number) },
      },
    });
  });

  it.each([{ format: "ndjson" }, { accept: "application/x-ndjson" }])(
    "answers one object a line: %j",
    async ({ format, accept }) => {
      const { text, headers } = await post({ sql: VALUES, format }, accept === undefined ? {} : { accept });
      expect(headers["content-type"]).toContain("application/x-ndjson");
      expect(text.endsWith("}\n")).toBe(true);
      expect(JSON.parse(text)).toMatchObject({
        money: "12345678901234567890.10",
        small: 7,
        "small:1": 1,
        nothing: null,
      });
      expect(JSON.parse(String(headers["penstock-snapshot"]))).toMatchObject({ generation: 1 });
      expect(headers["penstock-truncated"]).toBe("no");
    },
  );

  it.each([{ format: "csv" }, { accept: "text/csv" }])(
    "answers CSV in which NULL and an empty text differ: %j",
    async ({ format, accept }) => {
      const { text, headers } = await post({ sql: VALUES, format }, accept === undefined ? {} : { accept });
      expect(headers["content-type"]).toContain("text/csv");
      expect(text).toBe(
        "money,big,small,nothing,empty,text,at,bytes,list,nan,never,small\r\n" +
          '12345678901234567890.10,9007199254740993,7,,"","a ""b"", c",2026-11-21T00:05:00.123400Z,AP8=,"[""1.50""]",NaN,infinity,1\r\n',
      );
    },
  );

  it("says in a header of a file that it was cut, where that was asked for", async () => {
    const { headers, text } = await post({ sql: "FROM range(5)", format: "csv", truncate: true, limits: { rows: 2 } });
    expect([headers["penstock-truncated"], text]).toEqual(["rows", "range\r\n0\r\n1\r\n"]);
  });

  it.each([{ format: "parquet" }, { accept: "application/vnd.apache.parquet" }])(
    "answers Parquet with the types of the columns: %j",
    async ({ format, accept }) => {
      const sql = `SELECT *, 170141183460469231731687303715884105 AS huge, '101'::BIT AS bits FROM silver_all ORDER BY "partition", "offset"`;
      const { bytes, headers } = await post({ sql, format }, accept === undefined ? {} : { accept });
      expect(headers["content-type"]).toBe("application/vnd.apache.parquet");
      const folder = mkdtempSync(join(tmpdir(), "penstock-parquet-"));
      writeFileSync(join(folder, "result.parquet"), bytes);
      const duckdb = await openDuckDb({ folders: [folder] });
      try {
        const file = `read_parquet('${folder}/result.parquet')`;
        const [row] =
          await duckdb.query(`SELECT count(*) AS n, sum(amount)::VARCHAR AS sum, typeof(any_value(amount)) AS amount, any_value(huge)::VARCHAR AS huge,
        any_value(bits) AS bits, typeof(any_value(kafka_timestamp)) AS at, typeof(any_value(reasons)) AS reasons, typeof(any_value(headers)) AS headers FROM ${file}`);
        const { rows } = JSON.parse((await post({ sql: "SELECT sum(amount)::VARCHAR FROM silver_all" })).text);
        expect(row).toEqual({
          n: 11,
          sum: rows[0][0],
          amount: "DECIMAL(18,2)",
          huge: "170141183460469231731687303715884105",
          bits: "101",
          at: "TIMESTAMP WITH TIME ZONE",
          reasons: "VARCHAR[]",
          headers: 'STRUCT("key" VARCHAR, "value" BLOB)[]',
        });
      } finally {
        duckdb.close();
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );

  it.each([
    [{}, "body.sql"],
    [{ sql: "" }, "body.sql"],
    [{ sql: 1 }, "body.sql"],
    [{ sql: "SELECT 1", format: "xml" }, "body.format"],
    [{ sql: "SELECT 1", truncate: "yes" }, "body.truncate"],
    [{ sql: "SELECT 1", limits: { rows: 0 } }, "body.limits.rows"],
    [{ sql: "SELECT 1", limits: { rows: 1e9 } }, "body.limits.rows"],
    [{ sql: "SELECT 1", limits: { timeout: "soon" } }, "body.limits.timeout"],
    [{ sql: "SELECT 1", limits: { memory: "lots" } }, "body.limits.memory"],
    [{ sql: "SELECT 1", limits: { cpu: 1 } }, "body.limits.cpu"],
    [{ sql: "SELECT ?", params: [[1]] }, "body.params.0"],
    [{ sql: "SELECT $a", params: { a: { b: 1 } } }, "body.params.a"],
    [{ sql: "SELECT 1", query: "SELECT 2" }, "body.query"],
  ])("refuses %j by name", async (body, field) => {
    const { status, text } = await post(body);
    const { code, errors } = JSON.parse(text);
    expect([status, code, errors[0].field]).toEqual([400, "invalid_request", field]);
  });

  it("refuses a form that it does not have", async () => {
    const { status, text } = await post({ sql: "SELECT 1" }, { accept: "application/xml" });
    expect([status, JSON.parse(text).errors[0].field]).toEqual([400, "accept"]);
  });

  it("gives up what its client does not wait for, and tells how many may wait", async () => {
    await reading.app.listen({ port: 0, host: "127.0.0.1" });
    const { port } = reading.app.server.address() as AddressInfo;
    const ask = (sql: string) => {
      const asking = request({
        port,
        host: "127.0.0.1",
        path: "/v1/sql",
        method: "POST",
        headers: { host: "127.0.0.1:8080", "content-type": "application/json" },
      });
      asking.on("error", () => undefined);
      asking.end(JSON.stringify({ sql }));
      return asking;
    };
    // One runs, four wait, and the sixth is one too many.
    const endless = Array.from({ length: 6 }, () =>
      ask("SELECT count(*) FROM range(1000000000000) WHERE random() > 2"),
    );
    const refused = await Promise.any(endless.map(async (asking) => (await once(asking, "response"))[0]));
    expect([refused.statusCode, refused.headers["retry-after"]]).toEqual([503, "2"]);
    expect(JSON.parse(await text(refused)).code).toBe("too_many_queries");
    for (const asking of endless) asking.destroy();
    // Each may take 20 s: had they not been given up, this one would be refused until then.
    await expect.poll(async () => (await post({ sql: "SELECT 1" })).status, { timeout: 4_000 }).toBe(200);
  });
});

describe("SQL in docs/api.md", () => {
  const shown = readGuide()
    .examples.map((example) => ({ example, request: readCurl(example.command, () => "http://penstock") }))
    .filter(({ request }) => request.method === "POST" && request.url.endsWith("/v1/sql"));

  it.each(shown.map(({ example, request }) => [example.line, example.status, String(request.body)] as const))(
    "line %i is answered with %i",
    async (_, status, body) => {
      const answer = await post(JSON.parse(body));
      expect(answer.status, answer.text).toBe(status);
    },
  );
});

describe("GET /v1/sql/schema", () => {
  it("tells views, columns with type and sentence, limits, and the snapshot", async () => {
    const { views, limits, snapshot } = JSON.parse((await reading.get("/v1/sql/schema")).text);
    expect(views.map(({ name, exists }: { name: string; exists: boolean }) => [name, exists])).toEqual(
      [
        "bronze",
        "silver",
        "quarantine",
        "silver_all",
        "gold_final",
        "gold_updates",
        "dq_metrics",
        "dq_samples",
        "gold",
      ].map((name) => [name, true]),
    );
    for (const { name, description, columns } of views) {
      expect(description, name).toMatch(/\.$/);
      for (const column of columns) expect(column.description, `${name}.${column.name}`).toEqual(expect.any(String));
    }
    expect(views.at(-1).columns).toContainEqual({
      name: "revenue",
      type: "DECIMAL(38,2)",
      description: "Exact sum of the amounts",
    });
    expect(limits.standard).toEqual({ rows: 10_000, bytes: 8_000_000, timeoutMs: 20_000, memoryBytes: 256_000_000 });
    expect(snapshot).toMatchObject({ generation: 1, tables: { "gold.revenue_5m": { version: 2 } } });
  });
});
