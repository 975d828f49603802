/**
 * What comparing two generations costs: time and memory, where nothing differs and where every tenth record does.
 *
 *     node bench/replay-diff.ts [rows a side]
 *
 * Compare the ratios; absolute times drift with the machine.
 */
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { openComparisonEngine } from "../control-plane/src/adapters/comparison-engine.ts";
import { lakeFiles } from "../control-plane/src/adapters/lake-files.ts";
import { commitName } from "../control-plane/src/domain/delta/log-files.ts";
import { describeDiff } from "../control-plane/src/domain/replay/diff.ts";
import { createDiffEngine } from "../control-plane/src/services/replay/diff.ts";
import { FINAL, UPDATES } from "../control-plane/src/services/revenue/position.ts";
import { SILVER } from "../control-plane/src/services/revenue/records.ts";
import type { LedgerRow } from "../control-plane/src/services/rows.ts";
import { TableHistory } from "../control-plane/src/services/table-history.ts";

const ROWS = Number(process.argv[2] ?? 1_000_000);
/** Files of silver's accepted rows, and batches of gold. */
const BATCHES = 200;
const TOPIC = "sales.events.v1";
const PARTITIONS = 3;

const folder = mkdtempSync(join(tmpdir(), "penstock-bench-"));
const sql = await (await DuckDBInstance.create(":memory:")).connect();
await sql.run("SET TimeZone = 'UTC'");
await sql.run("SET preserve_insertion_order = true");

type Columns = Record<string, string>;
const KEY: Columns = { plan_tier: "string", region: "string", currency: "string" };
const COLUMNS: Record<string, { partition: string; columns: Columns }> = {
  [SILVER]: {
    partition: "outcome",
    columns: {
      ...{ topic: "string", partition: "integer", offset: "long", outcome: "string", event_id: "string" },
      ...{ event_time: "timestamp", ingest_time: "timestamp", account_id: "string", event_type: "string" },
      ...{ ...KEY, amount: "decimal(18,2)", schema_version: "integer", user_id: "string", source: "string" },
      ...{ trace_id: "string", override: "long" },
    },
  },
  [UPDATES]: {
    partition: "window_date",
    columns: {
      ...{ window_date: "date", window_start: "timestamp", window_end: "timestamp", ...KEY },
      ...{ revenue: "decimal(38,2)", event_count: "long", batch_id: "long" },
    },
  },
  [FINAL]: {
    partition: "window_date",
    columns: { window_date: "date", window_start: "timestamp", window_end: "timestamp", ...KEY, revision: "integer" },
  },
};
const ledger: (LedgerRow & { generation: number })[] = [];
const vector = (records: number) =>
  Object.fromEntries(
    Array.from({ length: PARTITIONS }, (_, p) => [String(p), String(Math.floor((records - 1 - p) / PARTITIONS) + 1)]),
  );

/** One version of a table, with all files of it. */
function commit(root: string, table: string, files: { path: string; value: string }[], entry: object): void {
  const { partition, columns } = COLUMNS[table] as (typeof COLUMNS)[string];
  const fields = Object.entries(columns).map(([name, type]) => ({ name, type, nullable: true, metadata: {} }));
  const schemaString = JSON.stringify({ type: "struct", fields });
  const actions = [
    { commitInfo: { userMetadata: JSON.stringify(entry) } },
    { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
    { metaData: { id: table, schemaString, partitionColumns: [partition], configuration: {} } },
    ...files.map(({ path, value }) => ({
      add: { path, partitionValues: { [partition]: value }, size: statSync(join(root, path)).size, dataChange: true },
    })),
  ];
  mkdirSync(join(root, "_delta_log"), { recursive: true });
  writeFileSync(
    join(root, "_delta_log", commitName(0)),
    actions.map((action) => `${JSON.stringify(action)}\n`).join(""),
  );
}

/** A generation of which every so many-th record was let in that the first one refused. */
async function write(generation: number, letIn: number | null): Promise<void> {
  const root = (table: string) => join(folder, `gen=${generation}`, table);
  for (const table of Object.keys(COLUMNS)) mkdirSync(root(table), { recursive: true });
  const refused = letIn === null ? "n % 10 = 3" : `n % 10 = 3 AND n % ${letIn} <> 3`;
  const files: Record<string, { path: string; value: string }[]> = { [SILVER]: [], [UPDATES]: [], [FINAL]: [] };
  for (let batch = 0; batch < BATCHES; batch += 1) {
    const [from, to] = [batch, batch + 1].map((edge) => Math.floor((ROWS / BATCHES) * edge)) as [number, number];
    await sql.run(`CREATE OR REPLACE TABLE records AS SELECT '${TOPIC}' AS topic, (n % ${PARTITIONS})::INTEGER AS partition, n // ${PARTITIONS} AS "offset",
        CASE WHEN ${refused} THEN 'invalid' ELSE 'accepted' END AS outcome, 'event-' || md5(n::VARCHAR) AS event_id,
        TIMESTAMPTZ '2026-11-21' + to_milliseconds(n * 50) AS event_time, TIMESTAMPTZ '2026-11-21' + to_milliseconds(n * 50 + 7) AS ingest_time,
        'account-' || n % 5000 AS account_id, 'renewal' AS event_type, ['free', 'pro', 'enterprise'][n % 3 + 1] AS plan_tier,
        ['NA', 'EU', 'LATAM', 'APAC'][n % 4 + 1] AS region, ['USD', 'CAD', 'EUR'][n % 5 % 3 + 1] AS currency,
        ((n * 37) % 100000 / 100)::DECIMAL(18, 2) AS amount, 1::INTEGER AS schema_version, 'user-' || n % 900 AS user_id, 'web' AS source,
        md5((n * 7)::VARCHAR) AS trace_id, NULL::BIGINT AS override FROM (SELECT range AS n FROM range(${from}, ${to}))`);
    for (const outcome of ["accepted", "invalid"]) {
      const path = `${outcome}-${batch}.parquet`;
      await sql.run(
        `COPY (SELECT * EXCLUDE (outcome) FROM records WHERE outcome = '${outcome}') TO '${join(root(SILVER), path)}' (FORMAT parquet)`,
      );
      files[SILVER]?.push({ path, value: outcome });
    }
    const path = `part-${batch}.parquet`;
    await sql.run(`COPY (SELECT time_bucket(INTERVAL 5 MINUTE, event_time) AS window_start, window_start + INTERVAL 5 MINUTE AS window_end, plan_tier, region, currency,
        sum(amount)::DECIMAL(38, 2) AS revenue, count(*) AS event_count, ${batch}::BIGINT AS batch_id FROM records WHERE outcome = 'accepted' GROUP BY ALL)
      TO '${join(root(UPDATES), path)}' (FORMAT parquet)`);
    files[UPDATES]?.push({ path, value: "2026-11-21" });
    const source = { from: null, to: JSON.stringify({ reservoirVersion: batch + 2, index: -1 }) };
    ledger.unshift({
      ...{ generation, job: "sales.gold", table: UPDATES, batch: String(batch), kind: "batch", epoch: 1 },
      ...{ version: String(batch), at: new Date(), entry: { source, through: { [TOPIC]: vector(to) } } },
    });
  }
  const entry = { penstock: 1, kind: "batch", job: "bench", generation, batch: BATCHES - 1 };
  for (const [table, written] of Object.entries(files)) {
    commit(root(table), table, written, { ...entry, through: { [TOPIC]: vector(ROWS) } });
  }
}

const engine = createDiffEngine({
  store: { save: async () => undefined, find: async () => null, windows: async () => [], records: async () => [] },
  log: lakeFiles(),
  openEngine: () => openComparisonEngine(folder, join(folder, "spill")),
  commits: { find: async ({ generation }) => ledger.filter((row) => row.generation === generation) },
  ledger: {
    harvested: async () => new Map(),
    harvest: async () => undefined,
    entries: async () => [],
    sums: async () => ({}),
  },
  history: new TableHistory(lakeFiles()),
  ...{ lakeDir: folder, topic: TOPIC, windowMs: 300_000, clock: { now: () => new Date() } },
});
const generation = (number: number) => ({
  number,
  rules: {},
  tables: Object.fromEntries(Object.keys(COLUMNS).map((table) => [table, `gen=${number}/${table}`])),
});

await write(1, null);
await write(2, null);
await write(3, 10);
sql.closeSync();
// Between two batches, so that some records are told by silver alone.
const at = vector(Math.floor(ROWS * (1 - 0.5 / BATCHES)));
let first: number | undefined;
for (const [name, right] of [
  ["nothing differs", 2],
  ["every tenth record", 3],
] as const) {
  const [before, start, cpu] = [process.memoryUsage.rss(), performance.now(), process.cpuUsage()];
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 20);
  const signal = new AbortController().signal;
  const summary = await engine.run({ replay: "bench", left: generation(1), right: generation(right), at, signal });
  clearInterval(timer);
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  first ??= ms;
  process.stdout.write(
    `${name.padEnd(20)} ${ROWS} rows a side ${ms.toFixed(0).padStart(7)} ms, ${((user + system) / 1e3).toFixed(0).padStart(6)} ms of CPU (${(ms / first).toFixed(2)}), ${((most - before) / 1e6).toFixed(0)} MB more than before\n`,
  );
  for (const sentence of describeDiff(summary)) process.stdout.write(`    ${sentence}\n`);
}
rmSync(folder, { recursive: true, force: true });
