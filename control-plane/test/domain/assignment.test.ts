import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type AssignmentSite, composeSpec, type PlacedJob } from "../../src/domain/assignment.ts";
import { replayedTables, shadowId } from "../../src/domain/generation.ts";
import { tablePath } from "../../src/domain/layout.ts";
import { parseManifest } from "../../src/domain/manifest.ts";

const manifest = parseManifest(
  readFileSync(new URL("../../../spark_jobs/penstock_jobs/pipelines/sales/pipeline.yaml", import.meta.url), "utf8"),
);
const writers = Object.entries(manifest.jobs).map(([id, { writes }]) => ({ id, writes }));
const first = Object.fromEntries(writers.flatMap(({ writes }) => writes).map((table) => [table, tablePath(1, table)]));
const replayed = ["sales.silver", "sales.gold", "sales.dq"];
const second = replayedTables(
  2,
  first,
  writers.filter(({ id }) => replayed.includes(id)),
);

function place(job: string, differing: Partial<PlacedJob> = {}): PlacedJob {
  const spec = manifest.jobs[job] ?? expect.fail(`no ${job}`);
  return {
    id: job,
    job,
    generation: 1,
    tables: first,
    rules: {},
    start: null,
    inherits: null,
    held: null,
    spec,
    ...differing,
  };
}

const shadow = (job: string, differing: Partial<PlacedJob> = {}) =>
  place(job, { id: shadowId(job, 2), generation: 2, tables: second, ...differing });

const site: AssignmentSite = {
  pipeline: "sales",
  lakeDir: "/lake",
  checkpointDir: "/checkpoints",
  kafka: { brokers: "127.0.0.1:9092", topic: "sales.events.v1" },
  registryUrl: "http://127.0.0.1:8081",
  contract: manifest.contract,
  contractSchema: "{}",
  parameters: manifest.parameters,
  housekeeping: manifest.housekeeping,
  qualityRules: { revision: "abc", rows: [] },
  harvested: (path) => ({ "gen=1/gold.revenue_5m": 7 })[path] ?? null,
  jobs: [...Object.keys(manifest.jobs).map((job) => place(job)), ...replayed.map((job) => shadow(job))],
};

const compose = (placed: PlacedJob) => composeSpec(site, placed, placed.spec);

describe("an assignment", () => {
  it("hands the data quality rules to the job that counts by them, and to no other", () => {
    expect(compose(place("sales.dq")).qualityRules).toEqual({ revision: "abc", rows: [] });
    expect(compose(place("sales.silver")).qualityRules).toBeUndefined();
  });

  it("of who reads the topic has the times of whoever reads what it writes, the longest ones", () => {
    const stretch = { from: null, to: { "0": "7" }, rules: { allowedSkewMs: 7_200_000 } };
    const later = shadow("sales.silver", { rules: { allowedLatenessMs: 43_200_000, bounded: [stretch] } });
    const jobs = [place("sales.bronze"), place("sales.silver"), later];
    const bronze = place("sales.bronze");
    expect(composeSpec({ ...site, jobs }, bronze, bronze.spec).parameters).toMatchObject({
      allowedLatenessMs: 43_200_000,
      allowedSkewMs: 7_200_000,
    });
    // A bronze that this silver does not read.
    const other = place("sales.bronze", { tables: { ...first, "bronze.sales_events": "gen=3/bronze.sales_events" } });
    const { allowedLatenessMs, allowedSkewMs } = manifest.parameters;
    expect(composeSpec({ ...site, jobs }, other, other.spec).parameters).toMatchObject({
      allowedLatenessMs,
      allowedSkewMs,
    });
  });

  it("says up to which version the ledger of each table it writes is kept, so that log clean-up waits for the rest", () => {
    expect(compose(place("sales.gold")).harvested).toEqual({ "gold.revenue_5m": 7, "gold.revenue_5m_updates": null });
  });

  it("of a shadow leads to the tables and the checkpoint of its own generation, under the job's name", () => {
    const { tables, checkpoint } = compose(shadow("sales.silver"));
    expect(tables["bronze.sales_events"]).toBe("/lake/gen=1/bronze.sales_events");
    expect(tables["silver.sales_events"]).toBe("/lake/gen=2/silver.sales_events");
    expect(checkpoint).toBe("/checkpoints/gen=2/sales.silver");
  });

  it("names as readers of a table all that stream from its folder, whichever generations share it", () => {
    expect(compose(place("sales.bronze")).readers).toEqual({
      "bronze.sales_events": [
        { job: "sales.silver", checkpoint: "/checkpoints/gen=1/sales.silver" },
        { job: "sales.silver@2", checkpoint: "/checkpoints/gen=2/sales.silver" },
      ],
    });
    expect(compose(shadow("sales.silver")).readers["silver.sales_events"]?.map(({ job }) => job)).toEqual([
      "sales.gold@2",
      "sales.dq@2",
    ]);
    expect(compose(place("sales.silver")).readers["silver.sales_events"]?.map(({ job }) => job)).toEqual([
      "sales.gold",
      "sales.dq",
    ]);
  });

  it("has the aliases of its generation, which may be older than aliases", () => {
    const aliases = { plan_tier: { gold: "enterprise" } };
    const declared = { ...site, parameters: { ...site.parameters, aliases } };
    const of = (placed: PlacedJob) => composeSpec({ ...declared, jobs: [] }, placed, placed.spec).parameters.aliases;
    expect(of(place("sales.silver"))).toEqual({});
    expect(of(shadow("sales.silver", { rules: { aliases } }))).toEqual(aliases);
  });

  it("has the rules that the job's rows were made by, whatever the manifest says by now", () => {
    expect(compose(shadow("sales.silver", { rules: { allowedLatenessMs: 1_000 } })).parameters).toMatchObject({
      allowedLatenessMs: 1_000,
      windowMs: manifest.parameters.windowMs,
    });
  });

  it("gives a shadow a small share of the cores, and the reason for which it is held", () => {
    expect(compose(place("sales.gold")).pace).toEqual({ weight: 8, held: null });
    expect(compose(shadow("sales.gold", { held: "live lag is 40 s" })).pace).toEqual({
      weight: 1,
      held: "live lag is 40 s",
    });
  });

  it("says where the reader of the topic begins, and nobody else", () => {
    const start = { "0": "17" };
    expect(compose(shadow("sales.bronze", { start })).start).toEqual({ offsets: start });
    expect(compose(shadow("sales.silver", { start })).start).toBeNull();
    expect(compose(place("sales.bronze")).start).toBeNull();
  });

  it("tells the job that judges records where it begins and from where it has the rows before that, and nobody else", () => {
    const middle = { start: { "0": "17" }, inherits: "gen=1/silver.sales_events" };
    expect(compose(shadow("sales.silver", middle)).start).toEqual({
      offsets: { "0": "17" },
      inherits: "/lake/gen=1/silver.sales_events",
    });
    expect(compose(shadow("sales.gold", middle)).start).toBeNull();
    expect(compose(shadow("sales.dq", middle)).start).toBeNull();
  });
});
