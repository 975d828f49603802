/**
 * How long a revenue answer takes over 30 days of five-minute windows: warm, with new commits between the questions, and with a cold snapshot.
 *
 *     node bench/revenue-query.ts [questions]
 *
 * Compare the ratios; absolute times drift with the machine.
 */
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { openDuckDb } from "../control-plane/src/adapters/duckdb.ts";
import { lakeFiles } from "../control-plane/src/adapters/lake-files.ts";
import { commitName } from "../control-plane/src/domain/delta/log-files.ts";
import { createRevenue, type RevenueRequest } from "../control-plane/src/services/revenue/windows.ts";
import { createSnapshots, type Snapshots } from "../control-plane/src/services/snapshots.ts";

const DAYS = 30;
const QUESTIONS = Number(process.argv[2] ?? 200);
const LAST_DAY = "2026-11-30";
const FINAL_THROUGH = `${LAST_DAY}T12:00:00Z`;
/** commits of updates since the last OPTIMIZE, one file each */
const FRESH_UPDATES = 100;

const folder = mkdtempSync(join(tmpdir(), "penstock-bench-"));
const writer = await (await DuckDBInstance.create(":memory:")).connect();

// As the jobs write them: instants, which Parquet keeps statistics of.
await writer.run("SET TimeZone = 'UTC'");

const KEYS = `window_start, window_start + INTERVAL 5 MINUTES AS window_end, plan_tier, region, currency`;
const DIMENSIONS = `unnest(['free', 'pro', 'enterprise']) AS plan_tier`;

function rows(day: string, from: string, to: string, columns: string): string {
  return `SELECT DATE '${day}' AS window_date, ${KEYS}, ${columns} FROM (SELECT range::TIMESTAMPTZ AS window_start FROM range(TIMESTAMP '${day} ${from}', TIMESTAMP '${day} ${to}', INTERVAL 5 MINUTES)),
    (SELECT ${DIMENSIONS}), (SELECT unnest(['NA', 'EU', 'LATAM', 'APAC']) AS region), (SELECT unnest(['USD', 'CAD', 'EUR']) AS currency)`;
}

async function write(table: string, name: string, day: string, select: string): Promise<object> {
  const path = `window_date=${day}/${name}.parquet`;
  mkdirSync(join(folder, table, `window_date=${day}`), { recursive: true });
  await writer.run(`COPY (${select}) TO '${join(folder, table, path)}' (FORMAT parquet)`);
  return {
    add: {
      path,
      partitionValues: { window_date: day },
      size: statSync(join(folder, table, path)).size,
      modificationTime: 0,
      dataChange: true,
    },
  };
}

function commit(table: string, version: number, actions: object[], entry: object): void {
  const lines = [
    { commitInfo: { userMetadata: JSON.stringify({ penstock: 1, job: "sales.gold", generation: 1, ...entry }) } },
    ...actions,
  ];
  mkdirSync(join(folder, table, "_delta_log"), { recursive: true });
  writeFileSync(
    join(folder, table, "_delta_log", commitName(version)),
    lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
  );
}

function begin(more: [string, string][]): object[] {
  const fields = [
    ["window_date", "date"],
    ["window_start", "timestamp"],
    ["window_end", "timestamp"],
    ["plan_tier", "string"],
    ["region", "string"],
    ["currency", "string"],
    ["revenue", "decimal(38,2)"],
    ["event_count", "long"],
    ...more,
  ].map(([name, type]) => ({ name, type, nullable: true, metadata: {} }));
  const metaData = {
    id: "bench",
    schemaString: JSON.stringify({ type: "struct", fields }),
    partitionColumns: ["window_date"],
    configuration: {},
  };
  return [{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, { metaData }];
}

const FINAL = "gold.revenue_5m";
const UPDATES = "gold.revenue_5m_updates";
const money = "(random() * 1000)::DECIMAL(38, 2) AS revenue, 3::BIGINT AS event_count";
const finals: object[] = [];
const first = Date.parse(LAST_DAY) - (DAYS - 1) * 86_400_000;
for (let day = 0; day < DAYS; day += 1) {
  const date = new Date(first + day * 86_400_000).toISOString().slice(0, 10);
  const until = date === LAST_DAY ? "12:00" : "23:59:59";
  finals.push(
    await write(
      FINAL,
      "final",
      date,
      rows(date, "00:00", until, `${money}, TIMESTAMPTZ '2026-11-30' AS finalized_at, 1 AS revision`),
    ),
  );
}
commit(
  FINAL,
  0,
  [
    ...begin([
      ["finalized_at", "timestamp"],
      ["revision", "integer"],
    ]),
    ...finals,
  ],
  { kind: "final", finalThrough: FINAL_THROUGH },
);
const updates = [
  await write(
    UPDATES,
    "compacted",
    LAST_DAY,
    rows(LAST_DAY, "00:00", "12:15", `${money}, unnest(range(0, 30)) AS batch_id`),
  ),
];
commit(UPDATES, 0, [...begin([["batch_id", "long"]]), ...updates], { kind: "batch" });
let version = 0;
async function append(): Promise<void> {
  version += 1;
  commit(
    UPDATES,
    version,
    [
      await write(
        UPDATES,
        `batch-${version}`,
        LAST_DAY,
        rows(LAST_DAY, "12:10", "12:15", `${money}, ${version}::BIGINT AS batch_id`),
      ),
    ],
    { kind: "batch" },
  );
}
for (let n = 0; n < FRESH_UPDATES; n += 1) await append();

const engine = await openDuckDb({ folders: [folder] });
const paths = { [FINAL]: join(folder, FINAL), [UPDATES]: join(folder, UPDATES) };
const parts = { generations: { live: async () => ({ generation: 1, paths }) }, log: lakeFiles(), engine };
const revenueOf = (snapshots: Snapshots) =>
  createRevenue({
    ...{ snapshots, log: lakeFiles(), windowMs: 300_000 },
    commits: { find: async () => [] },
    clock: { now: () => new Date() },
  });
const held = { ...parts, hold: [FINAL, UPDATES] };
const warm = revenueOf(createSnapshots(held));
const fromFiles = revenueOf(createSnapshots(parts));

async function measure(
  request: Partial<RevenueRequest>,
  revenue = () => warm,
  before = async () => {},
): Promise<{ p50: number; p99: number; rows: number }> {
  const times: number[] = [];
  let count = 0;
  for (let n = -5; n < QUESTIONS; n += 1) {
    await before();
    const start = performance.now();
    count = (await revenue().windows({ order: "asc", limit: 1000, ...request })).items.length;
    if (n >= 0) times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] as number;
  return { p50: at(0.5), p99: at(0.99), rows: count };
}

const newest = { from: `${LAST_DAY}T11:00:00Z`, currency: ["USD"] };
const report: [string, { p50: number; p99: number; rows: number }][] = [
  ["last hour and a quarter, USD", await measure(newest)],
  ["the same, no rows held in memory", await measure(newest, () => fromFiles)],
  ["the same, a commit before each question", await measure(newest, () => warm, append)],
  ["the same, cold snapshot", await measure(newest, () => revenueOf(createSnapshots(held)))],
  ["newest 100 windows first, all time", await measure({ order: "desc", limit: 100 })],
  [
    "30 days, one plan, region, currency, by 5m",
    await measure({ plan_tier: ["pro"], region: ["EU"], currency: ["EUR"], limit: 10_000 }),
  ],
  ["30 days, USD, by 1h", await measure({ grain: "1h", currency: ["USD"], limit: 10_000 })],
  [
    "30 days, USD, an hour rolled by 15m",
    await measure({ grain: "15m", rolling: "1h", currency: ["USD"], limit: 10_000 }),
  ],
  ["30 days by 1d", await measure({ grain: "1d", limit: 10_000 })],
];
const base = report[0]?.[1].p50 as number;
for (const [name, { p50, p99, rows: count }] of report) {
  process.stdout.write(
    `${name.padEnd(44)} p50 ${p50.toFixed(1).padStart(6)} ms  p99 ${p99.toFixed(1).padStart(6)} ms  ${(p50 / base).toFixed(1).padStart(5)}x  ${count} rows\n`,
  );
}
engine.close();
rmSync(folder, { recursive: true, force: true });
