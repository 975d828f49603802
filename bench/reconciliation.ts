/**
 * What a check of all tables costs: counting all rows anew, against reading what one minute of traffic has added.
 *
 *     node bench/reconciliation.ts [rows] [rows a minute] [ledger entries]
 *
 * And what it costs to ask Postgres what a ledger of so many entries adds up to.
 *
 * Compare the ratios; absolute times drift with the machine.
 */
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { dataFiles } from "../control-plane/src/adapters/data-files.ts";
import { openDuckDb } from "../control-plane/src/adapters/duckdb.ts";
import { lakeFiles } from "../control-plane/src/adapters/lake-files.ts";
import { openDatabase } from "../control-plane/src/adapters/postgres/database.ts";
import { createLedgerStore } from "../control-plane/src/adapters/postgres/ledger.ts";
import { commitName } from "../control-plane/src/domain/delta/log-files.ts";
import { METRICS } from "../control-plane/src/domain/dq/metrics-table.ts";
import type { LedgerStore } from "../control-plane/src/services/ledger.ts";
import type { TableMemory } from "../control-plane/src/services/reconciliation/audited-table.ts";
import { type Checked, check } from "../control-plane/src/services/reconciliation/check.ts";
import type { Resume } from "../control-plane/src/services/reconciliation/ports.ts";
import { BRONZE, SILVER, UPDATES } from "../control-plane/src/services/reconciliation/tables.ts";
import type { LedgerRow } from "../control-plane/src/services/rows.ts";
import { startPostgres } from "../control-plane/test/fixtures/postgres.ts";

const ROWS = Number(process.argv[2] ?? 200_000);
const A_MINUTE = Number(process.argv[3] ?? 1_200);
const ENTRIES = Number(process.argv[4] ?? 480_000);
/** As many as bronze reads in a batch under load. */
const BATCH_ROWS = 2_000;
const QUESTIONS = 7;
/** A statement must end within its time limit. */
const FILLED_AT_ONCE = 20_000;
const TOPIC = "sales.events.v1";
const PARTITIONS = 3;

const folder = mkdtempSync(join(tmpdir(), "penstock-bench-"));
const writer = await (await DuckDBInstance.create(":memory:")).connect();
await writer.run("SET TimeZone = 'UTC'");

const ledger: LedgerRow[] = [];
const tables = [BRONZE, SILVER, UPDATES, METRICS];
const newest = new Map<string, number>();

type Columns = Record<string, string>;
const PLACE: Columns = { topic: "string", partition: "integer", offset: "long", kafka_timestamp: "timestamp" };
const KEY: Columns = { plan_tier: "string", region: "string", currency: "string" };
const COUNTS = ["total_records", "accepted", "duplicates", "late", "future", "undecodable", "invalid"];
const COLUMNS: Record<string, Columns> = {
  [BRONZE]: { ...PLACE, value: "binary" },
  [SILVER]: {
    ...PLACE,
    outcome: "string",
    event_id: "string",
    event_time: "timestamp",
    amount: "decimal(18,2)",
    override: "long",
    ...KEY,
  },
  [UPDATES]: {
    window_date: "date",
    window_start: "timestamp",
    window_end: "timestamp",
    ...KEY,
    revenue: "decimal(38,2)",
    event_count: "long",
    batch_id: "long",
  },
  [METRICS]: { batch_id: "long", ...Object.fromEntries(COUNTS.map((name) => [name, "long"])) },
};
const PARTITIONED: Record<string, string[]> = { [SILVER]: ["outcome"], [UPDATES]: ["window_date"] };

function commit(table: string, entry: Record<string, unknown>, adds: object[]): void {
  const version = (newest.get(table) ?? -1) + 1;
  newest.set(table, version);
  const fields = Object.entries(COLUMNS[table] ?? {}).map(([name, type]) => ({
    name,
    type,
    nullable: true,
    metadata: {},
  }));
  const metaData = {
    id: table,
    schemaString: JSON.stringify({ type: "struct", fields }),
    partitionColumns: PARTITIONED[table] ?? [],
    configuration: {},
  };
  const begin = version === 0 ? [{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, { metaData }] : [];
  const actions = [{ commitInfo: { userMetadata: JSON.stringify(entry) } }, ...begin, ...adds];
  mkdirSync(join(folder, table, "_delta_log"), { recursive: true });
  const text = actions.map((action) => `${JSON.stringify(action)}\n`).join("");
  writeFileSync(join(folder, table, "_delta_log", commitName(version)), text);
  const { job, batch, kind, ...rest } = entry;
  ledger.push({
    ...{ job: String(job), table, batch: String(batch), kind: String(kind), epoch: 1, version: String(version) },
    ...{ at: new Date(), entry: rest },
  });
}

async function write(table: string, select: string, partition: Record<string, string> = {}): Promise<object[]> {
  const place = Object.entries(partition).map(([name, value]) => `${name}=${value}`);
  const path = [...place, `part-${(newest.get(table) ?? -1) + 1}.parquet`].join("/");
  mkdirSync(join(folder, table, ...place), { recursive: true });
  const [counted] = (
    await writer.runAndReadAll(`SELECT count(*)::INTEGER AS records FROM (${select})`)
  ).getRowObjects();
  if (counted?.records === 0) return [];
  await writer.run(`COPY (${select}) TO '${join(folder, table, path)}' (FORMAT parquet)`);
  const { size } = statSync(join(folder, table, path));
  return [{ add: { path, partitionValues: partition, size, modificationTime: 0, dataChange: true } }];
}

let written = 0;
let batch = 0;
/** One batch through all tables: of fifty records one is a copy of the one before it, and two are invalid. */
async function produce(records: number): Promise<void> {
  const [from, to] = [written, written + records];
  written = to;
  await writer.run(`CREATE OR REPLACE TABLE records AS SELECT '${TOPIC}' AS topic, (n % ${PARTITIONS})::INTEGER AS partition, n // ${PARTITIONS} AS "offset",
      TIMESTAMPTZ '2026-11-21' + to_milliseconds(n * 50) AS kafka_timestamp,
      CASE n % 50 WHEN 7 THEN 'duplicate' WHEN 20 THEN 'invalid' WHEN 30 THEN 'invalid' ELSE 'accepted' END AS outcome,
      'event-' || CASE n % 50 WHEN 7 THEN n - 1 ELSE n END AS event_id, TIMESTAMPTZ '2026-11-21' + to_milliseconds(n * 50) AS event_time,
      ((n * 37) % 100000 / 100)::DECIMAL(18, 2) AS amount, NULL::BIGINT AS override, encode(repeat(md5(n::VARCHAR), 5)) AS value,
      ['free', 'pro', 'enterprise'][n % 3 + 1] AS plan_tier, ['NA', 'EU', 'LATAM', 'APAC'][n % 4 + 1] AS region, ['USD', 'CAD', 'EUR'][n % 5 % 3 + 1] AS currency
    FROM (SELECT range AS n FROM range(${from}, ${to}))`);
  const vector: Record<string, string> = {};
  for (let p = 0; p < PARTITIONS; p += 1) vector[p] = String(Math.floor((to - 1 - p) / PARTITIONS) + 1);
  const entry = (job: string, source: object, rowsIn: number, rows: object) => ({
    ...{ penstock: 1, kind: "batch", job, generation: 1, epoch: 1, batch, source, through: { [TOPIC]: vector } },
    ...{ lowWatermark: "2026-11-21T00:00:00Z", rowsIn, rows },
  });
  const whole = {
    from: null,
    to: JSON.stringify({ reservoirVersion: batch + 1, index: -1, isStartingVersion: false }),
  };
  const columns = (table: string, but: string[] = []) =>
    Object.keys(COLUMNS[table] ?? {})
      .filter((name) => !but.includes(name))
      .map((name) => `"${name}"`)
      .join(", ");

  commit(
    BRONZE,
    entry("sales.bronze", { from: null, to: "{}" }, records, {}),
    await write(BRONZE, `SELECT ${columns(BRONZE)} FROM records`),
  );
  const counted = (
    await writer.runAndReadAll("SELECT outcome, count(*)::INTEGER AS n FROM records GROUP BY ALL")
  ).getRowObjects();
  const outcomes = Object.fromEntries(counted.map(({ outcome, n }) => [String(outcome), Number(n)]));
  const silver = [];
  for (const outcome of Object.keys(outcomes)) {
    const rows = `SELECT ${columns(SILVER, ["outcome"])} FROM records WHERE outcome = '${outcome}'`;
    silver.push(...(await write(SILVER, rows, { outcome })));
  }
  commit(SILVER, entry("sales.silver", whole, records, outcomes), silver);
  const sums = `SELECT time_bucket(INTERVAL 5 MINUTE, event_time) AS window_start, time_bucket(INTERVAL 5 MINUTE, event_time) + INTERVAL 5 MINUTE AS window_end, plan_tier, region, currency,
      sum(amount)::DECIMAL(38, 2) AS revenue, count(*) AS event_count, ${batch}::BIGINT AS batch_id FROM records WHERE outcome = 'accepted' GROUP BY ALL`;
  commit(
    UPDATES,
    entry("sales.gold", whole, outcomes.accepted ?? 0, {}),
    await write(UPDATES, sums, { window_date: "2026-11-21" }),
  );
  const { accepted = 0, duplicate = 0, invalid = 0 } = outcomes;
  const metrics = `SELECT ${batch}::BIGINT AS batch_id, ${records}::BIGINT AS total_records, ${accepted}::BIGINT AS accepted, ${duplicate}::BIGINT AS duplicates,
      0::BIGINT AS late, 0::BIGINT AS future, 0::BIGINT AS undecodable, ${invalid}::BIGINT AS invalid`;
  commit(METRICS, entry("sales.dq", whole, records, {}), await write(METRICS, metrics));
  batch += 1;
}

const store: LedgerStore = {
  harvested: async () => newest,
  harvest: async () => undefined,
  entries: async (_generation, table, after, upTo) =>
    ledger.filter((row) => row.table === table && Number(row.version) > after && Number(row.version) <= upTo),
  async sums(generation, table, upTo) {
    const sums: Record<string, bigint> = {};
    for (const { entry } of await store.entries(generation, table, -1, upTo)) {
      const named = { ...(entry.rows as Record<string, number>), rowsIn: entry.rowsIn as number };
      for (const [name, rows] of Object.entries(named)) sums[name] = (sums[name] ?? 0n) + BigInt(rows);
    }
    return sums;
  },
};

const overrides = { booked: async () => [] };
const engine = await openDuckDb({ folders: [folder], connections: 1, timeoutMs: 60_000 });
const memory = new Map<string, TableMemory>();
const live = { generation: 1, paths: Object.fromEntries(tables.map((table) => [table, join(folder, table)])) };

async function ask(resume: Resume | null): Promise<Checked & { ms: number }> {
  const start = performance.now();
  const input = {
    ...{ live, harvested: newest, topic: { name: TOPIC, offsets: null } },
    times: { windowMs: 300_000, dedupHorizonMs: 3_600_000 },
  };
  const parts = { log: lakeFiles(), engine, files: dataFiles(), ledger: store, overrides };
  const checked = await check(parts, input, resume, memory);
  if (checked.verdict === "failed")
    throw new Error(JSON.stringify(checked.lines.filter(({ verdict }) => verdict === "failed")));
  return { ...checked, ms: performance.now() - start };
}

/** The middle one of several by its time. */
async function measure(work: () => Promise<Checked & { ms: number }>): Promise<Checked & { ms: number }> {
  const all = [];
  for (let n = 0; n < QUESTIONS; n += 1) all.push(await work());
  return all.sort((a, b) => a.ms - b.ms)[Math.floor(QUESTIONS / 2)] as Checked & { ms: number };
}

/** What a ledger of many entries adds up to, in a Postgres of its own: near its end, as checks ask, and far from it. */
async function measureSums(): Promise<void> {
  const postgres = await startPostgres();
  const database = openDatabase(postgres.url, () => undefined);
  try {
    await database.migrate();
    const rows = "jsonb_build_object('accepted', 19, 'duplicate', 1)";
    for (let from = 1; from <= ENTRIES; from += FILLED_AT_ONCE) {
      await database.query(
        `INSERT INTO ledger (job, generation, "table", batch, kind, epoch, version, at, entry)
         SELECT 'sales.silver', 1, $1, n, 'batch', 1, n, now(), jsonb_build_object('rowsIn', 20, 'rows', ${rows})
         FROM generate_series($2::bigint, $3::bigint) AS n`,
        [SILVER, from, Math.min(ENTRIES, from + FILLED_AT_ONCE - 1)],
      );
    }
    await database.query(
      `INSERT INTO ledger_sums (generation, "table", name, total)
       VALUES (1, $1, 'rowsIn', 20 * $2::bigint), (1, $1, 'accepted', 19 * $2::bigint), (1, $1, 'duplicate', $2::bigint)`,
      [SILVER, ENTRIES],
    );
    await database.query("ANALYZE ledger");
    const { sums } = createLedgerStore(database);
    for (const beyond of [10, 5_000, ENTRIES]) {
      const times: number[] = [];
      for (let n = 0; n < QUESTIONS; n += 1) {
        const start = performance.now();
        const { rowsIn = 0n } = await sums(1, SILVER, ENTRIES - beyond);
        times.push(performance.now() - start);
        if (rowsIn !== 20n * BigInt(ENTRIES - beyond)) throw new Error(`the ledger adds up to ${rowsIn}`);
      }
      const ms = times.sort((a, b) => a - b)[Math.floor(QUESTIONS / 2)] ?? 0;
      process.stdout.write(`${`sums but for ${beyond} of ${ENTRIES}`.padEnd(32)} ${ms.toFixed(1).padStart(6)} ms\n`);
    }
  } finally {
    await database.close();
    await postgres.stop();
  }
}

while (written < ROWS) await produce(Math.min(BATCH_ROWS, ROWS - written));
const recount = await measure(() => ask(null));
let resume = recount.resume;
const incremental = await measure(async () => {
  await produce(A_MINUTE);
  const checked = await ask(resume);
  resume = checked.resume;
  return checked;
});
const idle = await measure(() => ask(resume));
const named = { [`all ${ROWS} rows anew`]: recount, [`${A_MINUTE} rows more`]: incremental, "nothing more": idle };
for (const [name, { ms, read }] of Object.entries(named)) {
  const share = `${((ms / recount.ms) * 100).toFixed(0).padStart(4)} % of the time, ${((read.bytes / recount.read.bytes) * 100).toFixed(1).padStart(5)} % of the bytes`;
  process.stdout.write(
    `${name.padEnd(24)} ${ms.toFixed(0).padStart(6)} ms ${String(read.files).padStart(5)} files ${(read.bytes / 1e6).toFixed(2).padStart(7)} MB ${share}\n`,
  );
}
engine.close();
await measureSums();
rmSync(folder, { recursive: true, force: true });
