import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commitName } from "../../../src/domain/delta/log-files.ts";
import { Problem } from "../../../src/domain/problem.ts";
import { createRevenue } from "../../../src/services/revenue/windows.ts";
import type { SqlAnswer, SqlRequest } from "../../../src/services/sql/queries.ts";
import { type OpenLake, openLake, revenueParts, SALES_TABLES } from "../../fixtures/lake.ts";
import { type OpenSql, openSql, sqlOver } from "../../fixtures/sql.ts";

let lake: OpenLake;
let sql: OpenSql;

beforeAll(async () => {
  lake = await openLake();
  sql = openSql(lake);
  await run("SELECT 1");
});

afterAll(async () => {
  await sql.close();
  lake.close();
});

const stays = () => new AbortController().signal;

function run(text: string, more: Partial<SqlRequest> = {}, on: Pick<OpenSql, "queries"> = sql): Promise<SqlAnswer> {
  return on.queries.run({ sql: text, format: "json", ...more }, stays());
}

async function rows(
  text: string,
  more: Partial<SqlRequest> = {},
  on: Pick<OpenSql, "queries"> = sql,
): Promise<unknown[][]> {
  return JSON.parse(`[${Buffer.from((await run(text, more, on)).body).toString()}]`);
}

async function problem(
  text: string,
  more: Partial<SqlRequest> = {},
  on: Pick<OpenSql, "queries"> = sql,
): Promise<Problem["details"]> {
  const error = await run(text, more, on).then(
    () => expect.fail(`${text} was answered`),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(Problem);
  const { details } = error as Problem;
  expect(JSON.stringify(details)).not.toContain(lake.lake.path(""));
  return details;
}

describe("the views", () => {
  it("gold is the revenue answer", async () => {
    const { items, snapshot } = await createRevenue(revenueParts(lake.snapshots)).windows({
      order: "asc",
      limit: 1000,
    });
    const answer = await run("SELECT * FROM gold ORDER BY window_start, plan_tier, region, currency");
    expect(JSON.parse(`[${Buffer.from(answer.body).toString()}]`)).toEqual(
      items.map((item) => answer.columns.map(({ name }) => item[name as keyof typeof item])),
    );
    expect(answer.snapshot).toMatchObject({
      finalThrough: snapshot.finalThrough,
      lowWatermark: snapshot.lowWatermark,
      tables: snapshot.tables,
    });
  });

  it("silver and quarantine are together every record of bronze, each once", async () => {
    expect(
      await rows(`SELECT (SELECT count(*) FROM silver), (SELECT count(*) FROM quarantine),
        (SELECT count(*) FROM silver_all), (SELECT count(DISTINCT (topic, "partition", "offset")) FROM silver_all),
        (SELECT count(*) FROM bronze), (SELECT count(*) FROM quarantine WHERE outcome = 'accepted')`),
    ).toEqual([[5, 6, 11, 11, 11, 0]]);
  });

  it("have the columns that they are said to have, also those that a table does not have yet", async () => {
    const { views } = await sql.queries.schema();
    const there = await rows(
      `SELECT table_name, list([column_name, data_type] ORDER BY ordinal_position) FROM information_schema.columns GROUP BY ALL ORDER BY ALL`,
    );
    const told = views.map(({ name, columns }) => [name, columns.map((column) => [column.name, column.type])]);
    expect(there).toEqual(told.sort());
    expect(await rows("SELECT extra FROM silver LIMIT 1")).toEqual([[null]]);
  });

  it("are empty with their declared columns while no table exists", async () => {
    const tables = Object.keys(SALES_TABLES).map((table) => [table, `nothing/${table}`]);
    const queries = sqlOver(lake, sql.workers, Object.fromEntries(tables));
    const { views } = await queries.schema();
    const text = views.map(({ name }) => `SELECT '${name}' FROM ${name}`).join(" UNION ALL ");
    expect(await rows(text, {}, { queries })).toEqual([]);
    expect(views.map(({ exists }) => exists)).not.toContain(true);
    const gold = await run("SELECT * FROM gold", {}, { queries });
    expect(gold.columns.map(({ name }) => name)).toEqual(
      views.find(({ name }) => name === "gold")?.columns.map(({ name }) => name),
    );
    expect(gold.snapshot).toMatchObject({
      generation: 2,
      finalThrough: null,
      tables: { "gold.revenue_5m": { version: null } },
    });
  });

  it("are one for each further table of the generation, by its name", async () => {
    const queries = sqlOver(lake, sql.workers, {
      ...SALES_TABLES,
      "dq.revenue_5m.more": "sales/dq/revenue_5m/metrics",
    });
    const counts = "SELECT (SELECT count(*) FROM dq_metrics) = (SELECT count(*) FROM dq_revenue_5m_more)";
    expect(await rows(counts, {}, { queries })).toEqual([[true]]);
  });

  it("show one version of every table in one answer while commits go on", async () => {
    const busy = await openLake();
    const onBusy = openSql(busy);
    const tables = ["bronze.sales_events", "silver.sales_events"] as const;
    const growing = await busy.snapshots.read(tables, async (set) =>
      Promise.all(
        tables.map(async (table) => {
          const { version = 0, files } = set.snapshot(table) ?? {};
          const [path, { partition }] = [...(files ?? [])][0] ?? expect.fail(`${table} has no file`);
          const [row] = await busy.engine.query(
            `SELECT count(*) AS n FROM read_parquet('${busy.lake.path(SALES_TABLES[table])}/${decodeURIComponent(path)}')`,
          );
          return { table, version, path, partition, each: Number(row?.n), newest: version };
        }),
      ),
    );
    const commit = () => {
      for (const grown of growing) {
        grown.newest += 1;
        const { table, path, partition, newest } = grown;
        const folder = busy.lake.path(SALES_TABLES[table]);
        copyFileSync(join(folder, decodeURIComponent(path)), join(folder, `copy-${newest}.parquet`));
        const add = {
          path: `copy-${newest}.parquet`,
          partitionValues: partition,
          size: 1,
          modificationTime: 0,
          dataChange: true,
        };
        writeFileSync(busy.lake.log(SALES_TABLES[table], commitName(newest)), `${JSON.stringify({ add })}\n`);
      }
    };
    const count = `SELECT (SELECT count(*) FROM bronze), (SELECT count(*) FROM silver_all), (SELECT count(*) FROM bronze)`;
    const versions = new Set<number>();
    try {
      for (let n = 0; n < 4; n += 1) {
        let answered = false;
        const answer = run(count, {}, onBusy).finally(() => {
          answered = true;
        });
        for (let commits = 0; !answered && commits < 20; commits += 1) {
          commit();
          await new Promise((resolve) => setImmediate(resolve));
        }
        const { body, snapshot } = await answer;
        const counted = JSON.parse(Buffer.from(body).toString());
        const expected = growing.map(({ table, version, each }) => {
          const at = snapshot.tables[table]?.version ?? 0;
          versions.add(at);
          return 11 + each * (at - version);
        });
        expect(counted).toEqual([expected[0], expected[1], expected[0]]);
      }
    } finally {
      await onBusy.close();
      busy.close();
    }
    expect(versions.size).toBeGreaterThan(2);
  });
});

describe("parameters", () => {
  it.each([
    ["by name", "SELECT $a::VARCHAR, $b::BIGINT, $a = 'x'", { a: "'; DROP TABLE x; --", b: 7 }],
    ["in order", "SELECT ?::VARCHAR, ?::BIGINT, false", ["'; DROP TABLE x; --", 7]],
    ["by number", "SELECT $1::VARCHAR, $2::BIGINT, false", ["'; DROP TABLE x; --", 7]],
  ])("are bound %s and never become SQL", async (_, text, params) => {
    expect(await rows(text, { params })).toEqual([["'; DROP TABLE x; --", 7, false]]);
  });

  it("of every type that JSON has take the type that they are compared with", async () => {
    const text = `SELECT typeof($n), typeof($f), typeof($t), $nothing IS NULL,
      (SELECT count(*) FROM gold WHERE window_start >= $from AND currency = $currency LIMIT $n)`;
    const params = { n: 1, f: 1.5, t: true, nothing: null, from: "2026-11-21T00:05:00Z", currency: "CAD" };
    expect(await rows(text, { params })).toEqual([["BIGINT", "DOUBLE", "BOOLEAN", true, 1]]);
  });

  it.each([
    ["SELECT $a", {}, "body.params.a", "a value"],
    ["SELECT $a", { a: 1, b: 2 }, "body.params.b", "no such parameter; the SQL has $a"],
    ["SELECT ?, ?", [1], "body.params.2", "a value"],
    ["SELECT 1", [1], "body.params.1", "no such parameter; the SQL has none"],
  ])("that do not fit %s are named", async (text, params, field, expected) => {
    expect(await problem(text, { params })).toMatchObject({
      status: 400,
      code: "invalid_request",
      errors: [{ field, expected }],
    });
  });
});

describe("SQL that cannot be run", () => {
  it.each([
    ["SELEC 1", 'syntax error at or near "SELEC"', { line: 1, column: 1 }],
    ["SELECT 'ä',\n  foo FROM gold", 'Referenced column "foo" not found', { line: 2, column: 3 }],
    ["SELECT * FROM goldd", "Table with name goldd does not exist", { line: 1, column: 15 }],
    ["SELECT region::INTEGER FROM gold", "Could not convert string", { line: 1, column: 14 }],
    ["SELECT error('no')", "no", undefined],
    ["/* ä */ EXPLAIN\n  SELECT foo FROM gold", 'Referenced column "foo" not found', { line: 2, column: 10 }],
    ["SELECT getenv('HOME')", "getenv does not exist", { line: 1, column: 8 }],
    ["FROM '/etc/passwd'", "/etc/passwd does not exist", { line: 1, column: 6 }],
  ])("%s is a 400 with DuckDB's words and the place", async (text, detail, position) => {
    const found = await problem(text);
    expect(found).toMatchObject({ status: 400, code: "invalid_sql", detail: expect.stringContaining(detail) });
    if (position !== undefined) expect(found.position).toEqual(position);
  });
});

it("SQL that its parameters do not fit names the place in it", async () => {
  const found = await problem("SELECT\n sum($1) FROM gold", { params: ["x"] });
  expect(found).toMatchObject({ code: "invalid_sql", position: { line: 2, column: 2 } });
});

describe("what a statement may not do", () => {
  const outside = join(tmpdir(), `penstock-escape-${process.pid}`);
  const silver = "sales/silver.sales_events";

  it.each([
    ["read a text", "SELECT * FROM read_text('/etc/hostname')"],
    ["read a CSV", "SELECT * FROM read_csv('/etc/passwd')"],
    ["sniff a CSV", "SELECT * FROM sniff_csv('/etc/passwd')"],
    ["read a blob", "SELECT * FROM read_blob('/proc/self/environ')"],
    ["read another database", "SELECT * FROM read_duckdb('/tmp/x.db')"],
    ["list a folder", "SELECT * FROM glob('/etc/*')"],
    ["list the lake", "SELECT * FROM glob('**')"],
    ["reach the network", "SELECT * FROM read_csv('http://127.0.0.1:1/x.csv')"],
    ["read a table's log", `SELECT * FROM read_text('${silver}/_delta_log/${commitName(0)}')`],
    ["read a file of no snapshot", `SELECT * FROM read_parquet('${silver}/outcome=accepted/stray.parquet')`],
    ["read all files of a table", `SELECT * FROM read_parquet('${silver}/**/*.parquet')`],
    ["climb out of the lake", "SELECT * FROM read_text('sales/../../../etc/hostname')"],
    ["read what another function reads for it", "SELECT * FROM query('FROM read_text(''/etc/hostname'')')"],
    ["look into a Parquet file elsewhere", "SELECT * FROM parquet_metadata('/tmp/x.parquet')"],
    ["attach a database", `ATTACH '${outside}'`],
    ["copy to a file", `COPY gold TO '${outside}'`],
    ["overwrite a file of the snapshot", `COPY (SELECT 1) TO 'sales/gold.revenue_5m/x.parquet'`],
    ["copy from a file", "COPY gold FROM '/etc/passwd'"],
    ["export", `EXPORT DATABASE '${outside}'`],
    ["import", "IMPORT DATABASE '/etc'"],
    ["install an extension", "INSTALL httpfs"],
    ["load an extension", "LOAD httpfs"],
    ["change a setting", "SET memory_limit = '8GB'"],
    ["open the door again", "SET enable_external_access = true"],
    ["reset a setting", "RESET memory_limit"],
    ["set a variable", "SET VARIABLE a = 1"],
    ["use a pragma", "PRAGMA enable_profiling"],
    ["call a procedure", "CALL enable_logging()"],
    ["create a table", "CREATE TABLE t (a INTEGER)"],
    ["create a temporary table", "CREATE TEMP TABLE t AS SELECT 1"],
    ["create a macro", "CREATE MACRO f(x) AS x"],
    ["replace a view", "CREATE OR REPLACE VIEW gold AS SELECT 1"],
    ["drop a view", "DROP VIEW gold"],
    ["insert", "INSERT INTO gold SELECT * FROM gold"],
    ["write while it explains", "EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1"],
    ["begin a transaction", "BEGIN"],
    ["end a transaction", "ROLLBACK"],
    ["prepare for later", "PREPARE p AS SELECT 1"],
    ["detach", "DETACH memory"],
    ["vacuum", "VACUUM"],
    ["run two statements", "SELECT 1; SELECT 2"],
    ["hide a second statement", "SELECT 1; /* */ DROP VIEW gold; --"],
    ["pivot by a type of its own", "PIVOT gold ON region USING sum(revenue)"],
    ["be nothing", "-- nothing"],
    ["be empty", " "],
  ])("%s", async (_, text) => {
    copyFileSync(
      join(lake.lake.path(silver), readFilesOf(silver)[0] as string),
      join(lake.lake.path(silver), "outcome=accepted/stray.parquet"),
    );
    const found = await problem(text);
    // What cannot even be bound says so first; nothing else gets another answer.
    expect([403, 400], found.detail).toContain(found.status);
    expect(["refused_sql", "invalid_sql"]).toContain(found.code);
    if (found.code === "invalid_sql")
      expect(found.detail).toMatch(/base table|not an table|does not exist|Can only|view/i);
    expect(existsSync(outside)).toBe(false);
    expect(await rows("SELECT count(*) FROM gold")).toEqual([[7]]);
  });

  it.each([
    "WITH a AS (SELECT 1 AS n) SELECT n FROM a",
    "VALUES (1)",
    "FROM gold",
    "DESCRIBE gold",
    "SHOW TABLES",
    "SUMMARIZE gold",
    "EXPLAIN SELECT * FROM gold",
    "EXPLAIN ANALYZE SELECT * FROM gold",
    "SELECT 1;",
    "PIVOT gold ON region IN ('EU') USING sum(revenue)",
  ])("but %s is a SELECT", async (text) => {
    expect((await run(text)).rows).toBeGreaterThan(0);
  });

  it("finds no secrets and no environment", async () => {
    expect(await rows("SELECT * FROM duckdb_secrets()")).toEqual([]);
    const outside =
      "SELECT name FROM duckdb_settings() WHERE value LIKE '%/%' AND name NOT IN ('TimeZone', 'allowed_paths')";
    expect(await rows(outside)).toEqual([["secret_directory"]]);
  });

  const target = "(SELECT 42 AS a) TO '$FILE'";
  it.each([
    `COPY ${target} (FORMAT parquet, USE_TMP_FILE false)`,
    `EXPLAIN COPY ${target} (FORMAT parquet, USE_TMP_FILE false)`,
    `EXPLAIN ANALYZE COPY ${target} (FORMAT parquet, USE_TMP_FILE false)`,
    `EXPLAIN ANALYZE COPY ${target} (FORMAT parquet)`,
    `EXPLAIN ANALYZE COPY ${target} (FORMAT csv, USE_TMP_FILE false)`,
    `EXPLAIN ANALYZE COPY ${target} (FORMAT json, USE_TMP_FILE false)`,
    `EXPLAIN ANALYZE COPY gold TO '$FILE' (FORMAT csv, USE_TMP_FILE false)`,
    `explain (analyze, format json) copy ${target} (FORMAT csv, USE_TMP_FILE false);`,
    `EXPLAIN(ANALYZE)COPY ${target} (FORMAT csv, USE_TMP_FILE false)`,
    `/* a */ EXPLAIN -- b\n ANALYZE /* SELECT 1 */ COPY ${target} (FORMAT csv, USE_TMP_FILE false)`,
    `EXPLAIN ANALYZE /* /* nested */ */ COPY ${target} (FORMAT csv, USE_TMP_FILE false)`,
    `EXPLAIN ANALYZE --\rCOPY ${target} (FORMAT csv, USE_TMP_FILE false) --\n SELECT 1`,
    `EXPLAIN ANALYZE\u00a0COPY ${target} (FORMAT csv, USE_TMP_FILE false)`,
    `EXPLAIN ANALYZE EXPLAIN ANALYZE COPY ${target} (FORMAT csv, USE_TMP_FILE false)`,
    `EXPLAIN ANALYZE COPY (WITH a AS (SELECT 42) SELECT * FROM a) TO '$FILE' (FORMAT csv, USE_TMP_FILE false)`,
    `EXPLAIN ANALYZE WITH a AS (COPY ${target} (FORMAT csv)) SELECT * FROM a`,
    `EXPLAIN ANALYZE PREPARE p AS COPY ${target} (FORMAT csv, USE_TMP_FILE false)`,
    `EXPLAIN ANALYZE SELECT 1; COPY ${target} (FORMAT csv, USE_TMP_FILE false)`,
    `FROM query('COPY (SELECT 42 AS a) TO ''$FILE'' (FORMAT csv, USE_TMP_FILE false)')`,
    `FROM enable_logging(storage = 'file', storage_path = '$FILE')`,
    `FROM enable_profiling(save_location = '$FILE')`,
  ])("overwrite a file that it may read: %s", async (text) => {
    const table = "sales/silver.sales_events";
    const file = `${table}/${readFilesOf(table)[0]}`;
    // It is one that can be opened: the refusal is about what is done with it.
    expect(await rows(`SELECT count(*) > 0 FROM read_parquet('${file}')`)).toEqual([[true]]);
    const before = readFileSync(lake.lake.path(file));
    const found = await problem(text.replaceAll("$FILE", file));
    expect(["refused_sql", "invalid_sql"], found.detail).toContain(found.code);
    expect(readFileSync(lake.lake.path(file)).equals(before)).toBe(true);
  });

  it.each([
    ["enable_logging", "FROM enable_logging()"],
    ["enable_profiling", "SELECT (SELECT count(*) FROM enable_profiling())"],
    ["enable_peg_parser", "FROM query('FROM enable_peg_parser()')"],
    ["force_checkpoint", "EXPLAIN ANALYZE FROM force_checkpoint()"],
    ["truncate_duckdb_logs", "WITH a AS (FROM truncate_duckdb_logs()) SELECT * FROM gold, a"],
    ["json_execute_serialized_sql", "FROM json_execute_serialized_sql(json_serialize_sql('FROM enable_logging()'))"],
  ])("call %s, which is no reading", async (called, text) => {
    expect(await problem(text)).toMatchObject({ code: "refused_sql", detail: expect.stringContaining(called) });
  });

  it.each([
    "EXPLAIN (ANALYZE, FORMAT json) FROM gold",
    "/* why */ EXPLAIN -- how\n ANALYZE /* it is run */ SELECT 'a -- b' FROM gold;",
    "EXPLAIN(FORMAT json)SELECT 1",
    "EXPLAIN ANALYZE (SELECT 1)",
    "EXPLAIN DESCRIBE gold",
    "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5) FROM r",
    "WITH RECURSIVE r(n, m) USING KEY (n) AS (SELECT 1, 1 UNION SELECT n, m + 1 FROM r WHERE m < 5) FROM r",
    "SELECT * FROM gold g, LATERAL (SELECT g.revenue * n.range FROM range(g.event_count) n) USING SAMPLE 100%",
    "FROM gold a ASOF JOIN gold b ON a.window_start >= b.window_start",
    "FROM gold a JOIN gold b ON a.revenue < b.revenue AND a.event_count >= b.event_count",
    "FROM gold a POSITIONAL JOIN gold b",
    "SELECT region, sum(revenue) OVER (PARTITION BY region ORDER BY window_start) FROM gold",
    "SELECT region, currency, count(*) FROM gold GROUP BY CUBE (region, currency) ORDER BY ALL LIMIT 3",
    "SELECT region FROM gold WHERE EXISTS (FROM silver) EXCEPT ALL SELECT 'x' UNION SELECT 'y'",
    "SELECT unnest([1, 2]), unnest({a: 1}), j.key FROM json_each('{\"a\": 1}') j",
    "SELECT * FROM generate_series(TIMESTAMP '2026-11-21', TIMESTAMP '2026-11-22', INTERVAL 1 HOUR)",
    "FROM repeat('a', 3)",
    "FROM query_table('gold')",
    "WITH a AS MATERIALIZED (FROM gold) FROM a, a b WHERE a.region IN ('EU', 'US', 'CA', 'IN', 'JP', 'BR')",
    "FROM duckdb_columns()",
    "UNPIVOT (SELECT 1 AS a, 2 AS b) ON a, b INTO NAME n VALUE v",
    "SELECT *, (SELECT max(amount) FROM silver s WHERE s.region = g.region) FROM gold g ORDER BY revenue DESC LIMIT 5",
    "FROM histogram(gold, revenue)",
  ])("while what only reads is run: %s", async (text) => {
    expect((await run(text)).rows).toBeGreaterThan(0);
  });

  it.each([
    `EXPLAIN ${"--".repeat(2_000)}\n SELECT 1`,
    `EXPLAIN ${"/**/".repeat(2_000)} SELECT 1`,
    `EXPLAIN${"\n".repeat(5_000)}SELECT 1`,
  ])("and many comments take no time: %.20s", async (text) => {
    expect(await run(text, { limits: { timeout: "5s" } })).toMatchObject({ rows: 1 });
  });

  function readFilesOf(table: string): string[] {
    const log = readFileSync(lake.lake.log(table, commitName(1)), "utf8");
    return [...log.matchAll(/"path":"([^"]+accepted[^"]+)"/g)].map((match) => decodeURIComponent(match[1] as string));
  }
});

describe("a result beyond its limits", () => {
  const many = "SELECT range AS n, 'x' || range AS text FROM range(50000)";

  it("is cut in JSON, which says so", async () => {
    const answer = await run(many, { limits: { rows: 10 } });
    expect([answer.rows, answer.truncatedBy]).toEqual([10, "rows"]);
    const small = await run(many, { limits: { rows: 50_000, bytes: "1KB" } });
    expect([small.truncatedBy, small.body.byteLength <= 1000, small.rows > 10]).toEqual(["bytes", true, true]);
    expect(await run(many, { limits: { rows: 50_000 } })).toMatchObject({ rows: 50_000, truncatedBy: null });
  });

  it.each(["csv", "ndjson", "parquet"] as const)("is refused in %s, unless it was asked to be cut", async (format) => {
    expect(await problem(many, { format })).toMatchObject({
      status: 422,
      code: "result_too_large",
      detail: "It has more than the 10000 rows that a result may have.",
    });
    expect(await run(many, { format, truncate: true })).toMatchObject({ rows: 10_000, truncatedBy: "rows" });
  });

  it("is refused when not even a row of it fits", async () => {
    const text = "SELECT repeat('x', 5000)";
    expect(await problem(text, { limits: { bytes: "2KB" } })).toMatchObject({ code: "result_too_large" });
  });

  it("may not be asked for with limits beyond those of the settings", async () => {
    const limits = { rows: 1_000_000, bytes: "1GB", timeout: "1h", memory: "1MB" };
    const { errors } = await problem("SELECT 1", { limits });
    expect(errors?.map(({ field, expected }) => `${field}: ${expected}`)).toEqual([
      "body.limits.rows: 1 to 100000",
      "body.limits.bytes: 1KB to 8MB",
      "body.limits.timeout: 1ms to 20s",
      "body.limits.memory: 16MB to 256MB",
    ]);
  });
});

describe("a statement that takes too much", () => {
  it.each([
    ["a cross join without end", "SELECT sum(a.range * b.range % 7) FROM range(100000000) a, range(1000000) b"],
    ["recursion without end", "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT max(n) FROM t"],
    ["many rows that nobody wants", "SELECT count(*) FROM range(1000000000000) WHERE random() > 2"],
  ])("of time is interrupted: %s", async (_, text) => {
    expect(await problem(text, { limits: { timeout: "300ms" } })).toMatchObject({
      status: 422,
      code: "query_timeout",
      detail: "It took longer than 300ms.",
    });
    expect(await rows("SELECT 1")).toEqual([[1]]);
  });

  it.each([
    ["a distinct", "SELECT count(*) FROM (SELECT DISTINCT range AS r FROM range(50000000))"],
    ["a list", "SELECT len(list(range)) FROM range(200000000)"],
    ["a sort", "SELECT * FROM range(1000000) a, range(1000) b ORDER BY a.range * b.range % 7 DESC"],
    ["a text of 2 GB, which DuckDB does not count", "SELECT length(repeat('a', 2000000000))"],
    ["a text of 2 GB in the answer", "SELECT repeat('a', 2000000000) || repeat('b', 2000000000)"],
    ["an array", "SELECT range(2000000000)"],
    [
      "a join of all with all",
      "SELECT string_agg(a.range::VARCHAR || b.range, ',') FROM range(100000) a, range(100000) b",
    ],
  ])("of memory is given up: %s", async (_, text) => {
    expect(await problem(text, { limits: { memory: "64MB" } })).toMatchObject({
      status: 422,
      code: expect.stringMatching(/^query_(out_of_memory|crashed)$/),
    });
    expect(await rows("SELECT 1")).toEqual([[1]]);
  });
});
