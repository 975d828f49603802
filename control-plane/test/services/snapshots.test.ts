import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDuckDb } from "../../src/adapters/duckdb.ts";
import { lakeFiles } from "../../src/adapters/lake-files.ts";
import type { Snapshot } from "../../src/domain/delta/snapshot.ts";
import type { LogReader } from "../../src/services/delta-table.ts";
import { createSnapshots, type Snapshots } from "../../src/services/snapshots.ts";
import { type Expected, expected, type OpenLake, openLake, SALES_TABLES } from "../fixtures/lake.ts";

const DELTA = Object.fromEntries(
  ["commits", "cleaned", "multipart", "values", "empty"].map((name) => [name, `delta/${name}`]),
);
const REFUSED = Object.fromEntries(
  ["deletion-vectors", "column-mapping", "v2-checkpoint"].map((name) => [name, `refused/${name}`]),
);

let open: OpenLake;
const opened: OpenLake[] = [];

beforeAll(async () => {
  open = await fresh();
});

afterAll(() => {
  for (const each of opened) each.close();
});

/** A lake of its own, for tests that break it. */
async function fresh(): Promise<OpenLake> {
  const lake = await openLake({ ...DELTA, ...REFUSED, ...SALES_TABLES, absent: "absent" });
  opened.push(lake);
  return lake;
}

function snapshotOf(snapshots: Snapshots, table: string): Promise<Snapshot | undefined> {
  return snapshots.read([table], async (set) => set.snapshot(table));
}

function filesOf(snapshot: Snapshot | undefined): string[] {
  return [...(snapshot?.files.values() ?? [])].map(({ path }) => path).sort();
}

/** Every row, each value as text in Spark's spelling, so that it compares with what Spark wrote down. */
async function rowsOf(snapshots: Snapshots, table: string): Promise<Expected["rows"]> {
  const rows = await snapshots.read([table], async (set) => {
    const columns = set.snapshot(table)?.columns ?? [];
    const selected = columns.map(({ name, type }) => {
      if (type === "BLOB") return `to_base64("${name}") AS "${name}"`;
      if (type.endsWith("[]")) return `to_json("${name}")::VARCHAR AS "${name}"`;
      if (type === "TIMESTAMPTZ") return `"${name}"::TIMESTAMP::VARCHAR AS "${name}"`;
      return `"${name}"::VARCHAR AS "${name}"`;
    });
    return set.query(
      `SELECT ${selected.join(", ")} FROM ${set.relation(
        table,
        columns.map(({ name }) => name),
      )}`,
    );
  });
  return sorted(rows as Expected["rows"]);
}

function sorted(rows: Expected["rows"]): Expected["rows"] {
  const key = (row: Expected["rows"][number]) => JSON.stringify(Object.entries(row).sort());
  return [...rows].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

const compared = { ...DELTA, ...SALES_TABLES };

describe.each(Object.entries(compared))("the snapshot of %s", (table, folder) => {
  const said = expected(folder);

  it("has the version and the live files that Spark says", async () => {
    const snapshot = await snapshotOf(open.snapshots, table);
    expect(snapshot?.version).toBe(said.version);
    expect(filesOf(snapshot)).toEqual(said.files);
  });

  it("gives every value exactly as Spark reads it", async () => {
    expect(await rowsOf(open.snapshots, table)).toEqual(sorted(said.rows));
  });
});

describe("following a table", () => {
  it("has the files that Spark says at each version, extended commit by commit", async () => {
    const { lake, snapshots } = await fresh();
    const log = lake.log("delta/commits");
    const later = `${log}-later`;
    mkdirSync(later);
    for (const name of readdirSync(log)) renameSync(`${log}/${name}`, `${later}/${name}`);
    for (const { version, files } of expected("delta/commits").history ?? []) {
      copyFileSync(
        `${later}/${String(version).padStart(20, "0")}.json`,
        lake.log("delta/commits", `${String(version).padStart(20, "0")}.json`),
      );
      const snapshot = await snapshotOf(snapshots, "commits");
      expect({ version: snapshot?.version, files: filesOf(snapshot) }).toEqual({ version, files });
    }
  });

  it("reads nothing but the next commit's name once it knows a snapshot", async () => {
    const reads: string[] = [];
    const files = lakeFiles();
    const log: LogReader = {
      list(root) {
        reads.push("list");
        return files.list(root);
      },
      read(root, name) {
        reads.push(name);
        return files.read(root, name);
      },
      identity: files.identity,
      writtenAt: files.writtenAt,
    };
    const paths = { commits: open.lake.path("delta/commits") };
    const snapshots = createSnapshots({
      generations: { live: async () => ({ generation: 1, paths }) },
      log,
      engine: open.engine,
    });
    await snapshotOf(snapshots, "commits");
    reads.length = 0;
    await snapshotOf(snapshots, "commits");
    expect(reads).toEqual(["00000000000000000012.json"]);
  });

  it("resolves anew when clean-up took the commits between its version and the newest", async () => {
    const { lake, snapshots } = await fresh();
    const log = lake.log("delta/commits");
    const away = `${log}-away`;
    mkdirSync(away);
    for (const name of readdirSync(log))
      if (name > "00000000000000000003") renameSync(`${log}/${name}`, `${away}/${name}`);
    expect((await snapshotOf(snapshots, "commits"))?.version).toBe(2);
    for (const name of readdirSync(away)) renameSync(`${away}/${name}`, `${log}/${name}`);
    for (const name of readdirSync(log))
      if (name.endsWith(".json") && name < "00000000000000000009") rmSync(`${log}/${name}`);
    const snapshot = await snapshotOf(snapshots, "commits");
    expect({ version: snapshot?.version, files: filesOf(snapshot) }).toEqual({
      version: 11,
      files: expected("delta/commits").files,
    });
  });

  it("sees a commit made before the question, whoever else is asking", async () => {
    const { lake, snapshots } = await fresh();
    const early = snapshotOf(snapshots, "cleaned");
    copyFileSync(
      lake.log("delta/cleaned", `${"7".padStart(20, "0")}.json`),
      lake.log("delta/cleaned", `${"8".padStart(20, "0")}.json`),
    );
    expect((await snapshotOf(snapshots, "cleaned"))?.version).toBe(8);
    await early;
  });

  it("keeps the newest ledger entries, though OPTIMIZE, DELETE and other people's notes came later", async () => {
    const snapshot = await snapshotOf(open.snapshots, "commits");
    expect(snapshot?.ledger.batch).toMatchObject({
      version: 8,
      job: "sales.silver",
      batch: 7,
      lowWatermark: "2026-11-21T01:00:07Z",
    });
  });

  it("looks for a ledger entry in commits older than the checkpoint when those after it have none", async () => {
    const { lake, snapshots } = await fresh();
    rmSync(lake.log("delta/cleaned", "00000000000000000007.json"));
    const snapshot = await snapshotOf(snapshots, "cleaned");
    expect(snapshot?.version).toBe(6);
    expect(snapshot?.ledger.batch).toMatchObject({ version: 6, batch: 5 });
  });

  it("has no snapshot of a table that does not exist yet", async () => {
    expect(await snapshotOf(open.snapshots, "absent")).toBeUndefined();
  });
});

describe("checkpoints", () => {
  it.each([["00000000000000000009"], ["00000000000000000006"]])(
    "that are cut off (%s) are passed over for an older way",
    async (version) => {
      const { lake, snapshots } = await fresh();
      for (const cut of new Set(["00000000000000000009", version]))
        truncateSync(lake.log("delta/commits", `${cut}.checkpoint.parquet`), 1000);
      expect(filesOf(await snapshotOf(snapshots, "commits"))).toEqual(expected("delta/commits").files);
    },
  );

  it("without one of their parts are as good as none: the gap before them is named", async () => {
    const { lake, snapshots } = await fresh();
    rmSync(lake.log("delta/multipart", "00000000000000000006.checkpoint.0000000002.0000000003.parquet"));
    await expect(snapshotOf(snapshots, "multipart")).rejects.toMatchObject({
      details: { code: "damaged_table", detail: expect.stringContaining("commit 0 is missing") },
    });
  });
});

describe("a damaged log", () => {
  it("with a gap is an error that names the missing version", async () => {
    const { lake, snapshots } = await fresh();
    rmSync(lake.log("delta/commits", "00000000000000000010.json"));
    await expect(snapshotOf(snapshots, "commits")).rejects.toMatchObject({
      details: { code: "damaged_table", detail: expect.stringContaining("commit 10 is missing") },
    });
  });

  it("with half a line at its end is an error that names commit and line", async () => {
    const { lake, snapshots } = await fresh();
    const last = lake.log("delta/commits", "00000000000000000011.json");
    truncateSync(last, readFileSync(last).length - 20);
    await expect(snapshotOf(snapshots, "commits")).rejects.toMatchObject({
      details: { code: "damaged_table", detail: expect.stringMatching(/commit 11, line 2 is not JSON/) },
    });
  });

  it("with an empty commit is an error", async () => {
    const { lake, snapshots } = await fresh();
    writeFileSync(lake.log("delta/commits", "00000000000000000012.json"), "");
    await expect(snapshotOf(snapshots, "commits")).rejects.toMatchObject({
      details: { detail: expect.stringContaining("commit 12 is empty") },
    });
  });
});

describe("a table that uses what is not implemented", () => {
  it.each([
    ["deletion-vectors", "deletionVectors"],
    ["column-mapping", "columnMapping"],
    ["v2-checkpoint", "v2Checkpoint"],
  ])("(%s) is refused by the name of the feature", async (table, feature) => {
    await expect(snapshotOf(open.snapshots, table)).rejects.toMatchObject({
      details: { code: "unsupported_table", detail: expect.stringContaining(feature) },
    });
  });
});

describe("a file that vanishes between resolving and reading", () => {
  const count = (table: string) => (set: Parameters<Parameters<Snapshots["read"]>[1]>[0]) =>
    set.query(`SELECT count(*) AS n, sum(amount) AS total FROM ${set.relation(table, ["amount"])}`);

  it("is read around, once, with a fresh snapshot", async () => {
    const { lake, snapshots } = await fresh();
    const log = lake.log("delta/commits");
    const away = `${log}-away`;
    mkdirSync(away);
    // The table as it was before DELETE and OPTIMIZE …
    for (const name of readdirSync(log))
      if (name > "00000000000000000009") renameSync(`${log}/${name}`, `${away}/${name}`);
    let tries = 0;
    const [row] = await snapshots.read(["commits"], async (set) => {
      tries += 1;
      if (tries === 1) {
        // … which come, with VACUUM, while the answer is being made.
        for (const name of readdirSync(away)) renameSync(`${away}/${name}`, `${log}/${name}`);
        const live = new Set(expected("delta/commits").files);
        for (const path of filesOf(set.snapshot("commits")))
          if (!live.has(path)) rmSync(`${lake.path("delta/commits")}/${path}`);
      }
      return count("commits")(set);
    });
    const { rows } = expected("delta/commits");
    expect(tries).toBe(2);
    expect(row?.n).toBe(rows.length);
  });

  it("twice in a row is said to be so", async () => {
    const { lake, snapshots } = await fresh();
    rmSync(`${lake.path("delta/commits")}/${expected("delta/commits").files[0]}`);
    await expect(snapshots.read(["commits"], count("commits"))).rejects.toMatchObject({
      details: { status: 503, code: "dependency_unavailable", detail: expect.stringContaining("vanished twice") },
    });
  });

  it("is noticed although the engine has seen the file before", async () => {
    const { lake, snapshots } = await fresh();
    await snapshots.read(["commits"], count("commits"));
    rmSync(`${lake.path("delta/commits")}/${expected("delta/commits").files[0]}`);
    await expect(snapshots.read(["commits"], count("commits"))).rejects.toMatchObject({ details: { status: 503 } });
  });
});

describe("several tables of one answer", () => {
  it("are resolved in the order they are named, later ones at least as new", async () => {
    const order: string[] = [];
    const files = lakeFiles();
    const log: LogReader = {
      ...files,
      list(root) {
        order.push(root.split("/").at(-1) as string);
        return files.list(root);
      },
    };
    const engine = await openDuckDb({ folders: [open.lake.path("")] });
    const paths = Object.fromEntries(
      Object.entries(SALES_TABLES).map(([name, folder]) => [name, open.lake.path(folder)]),
    );
    const snapshots = createSnapshots({ generations: { live: async () => ({ generation: 4, paths }) }, log, engine });
    const stamp = await snapshots.read(["gold.revenue_5m", "gold.revenue_5m_updates"], async (set) =>
      set.stamp("gold.revenue_5m_updates"),
    );
    engine.close();
    expect(order).toEqual(["gold.revenue_5m", "gold.revenue_5m_updates"]);
    expect(stamp).toEqual({
      generation: 4,
      lowWatermark: "2026-11-21T00:24:00.123456Z",
      tables: { "gold.revenue_5m": { version: 2 }, "gold.revenue_5m_updates": { version: 6 } },
    });
  });
});
