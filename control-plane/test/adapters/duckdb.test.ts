import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DuckDb, openDuckDb } from "../../src/adapters/duckdb.ts";
import { FileVanished } from "../../src/services/query-engine.ts";

let folder: string;
let duckdb: DuckDb;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "penstock-duckdb-"));
  duckdb = await openDuckDb({ folders: [folder], connections: 2, timeoutMs: 400, memoryLimit: "64MB" });
});

afterAll(() => {
  duckdb.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("values", () => {
  it.each([
    ["12345678901234567890123456789012345.10::DECIMAL(38, 2)", "12345678901234567890123456789012345.10"],
    ["(-0.05)::DECIMAL(38, 2)", "-0.05"],
    ["9007199254740991::BIGINT", 9007199254740991],
    ["9007199254740993::BIGINT", "9007199254740993"],
    ["(-9007199254740993)::BIGINT", "-9007199254740993"],
    ["sum(3::BIGINT)", 3],
    ["TIMESTAMP '2026-11-21 00:05:00'", "2026-11-21T00:05:00Z"],
    ["TIMESTAMPTZ '2026-11-21 01:05:00.1234+01'", "2026-11-21T00:05:00.123400Z"],
    ["DATE '2026-11-21'", "2026-11-21"],
    ["'\\x00\\xFF'::BLOB", "AP8="],
    ["[1, NULL]", [1, null]],
    ["{'a': 1.50::DECIMAL(4, 2), 'b': [DATE '2026-01-01']}", { a: "1.50", b: ["2026-01-01"] }],
    ["MAP {'k': 9007199254740993}", { k: "9007199254740993" }],
    ["'NaN'::DOUBLE", "NaN"],
    ["1.5::DOUBLE", 1.5],
    ["NULL", null],
    ["true", true],
  ])("%s comes as JSON can hold it", async (sql, value) => {
    expect(await duckdb.query(`SELECT ${sql} AS value`)).toEqual([{ value }]);
  });

  it("are bound and never become SQL", async () => {
    const text = "'; DROP TABLE x; --";
    expect(await duckdb.query("SELECT $text AS text, $big::BIGINT AS big", { text, big: 9007199254740993n })).toEqual([
      { text, big: "9007199254740993" },
    ]);
  });
});

describe("what a query may not do", () => {
  it.each([
    ["read a file elsewhere", "SELECT * FROM read_text('/etc/hostname')"],
    ["read a folder elsewhere", "SELECT * FROM glob('/etc/*')"],
    ["write a file elsewhere", `COPY (SELECT 1) TO '${join(tmpdir(), "penstock-escape.csv")}'`],
    ["reach the network", "SELECT * FROM read_csv('http://127.0.0.1:1/x.csv')"],
    ["load an extension", "INSTALL httpfs"],
    ["attach a database", "ATTACH '/tmp/penstock-escape.db'"],
    ["lift its own limits", "SET memory_limit = '8GB'"],
    ["open the door again", "SET enable_external_access = true"],
  ])("%s", async (_, sql) => {
    await expect(duckdb.query(sql)).rejects.toThrow(/disabled|locked|Cannot access|not allowed|Permission/i);
  });
});

describe("limits", () => {
  const endless = "SELECT sum(a.range * b.range % 7) AS n FROM range(100000000) a, range(1000000) b";

  it("end a query that takes too long, and the connection serves the next one", async () => {
    await expect(duckdb.query(endless)).rejects.toMatchObject({
      details: { status: 503, detail: expect.stringContaining("400 ms") },
    });
    expect(await duckdb.query("SELECT 1 AS n")).toEqual([{ n: 1 }]);
  });

  it("end a query that needs too much memory", async () => {
    await expect(
      duckdb.query("SELECT count(*) AS n FROM (SELECT DISTINCT range AS r FROM range(20000000))"),
    ).rejects.toMatchObject({
      details: { status: 503, detail: expect.stringMatching(/64MB|400 ms/) },
    });
  });

  it("let more questions wait than there are connections", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => duckdb.query("SELECT $n::INTEGER AS n", { n })),
    );
    expect(answers.map(([row]) => row?.n)).toEqual(Array.from({ length: 20 }, (_, n) => n));
  });
});

describe("files", () => {
  it("that are gone are told apart from other faults", async () => {
    await expect(duckdb.query(`SELECT * FROM read_parquet(['${folder}/gone.parquet'])`)).rejects.toBeInstanceOf(
      FileVanished,
    );
    writeFileSync(join(folder, "torn.parquet"), "PAR1");
    const torn = duckdb.query(`SELECT * FROM read_parquet(['${folder}/torn.parquet'])`);
    await expect(torn).rejects.toThrow(/parquet/i);
    await expect(torn).rejects.not.toBeInstanceOf(FileVanished);
  });
});
