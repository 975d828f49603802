import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type AssignmentSite, composeSpec } from "../../src/domain/assignment.ts";
import { parseManifest } from "../../src/domain/manifest.ts";

const manifest = parseManifest(
  readFileSync(new URL("../../../spark_jobs/penstock_jobs/pipelines/sales/pipeline.yaml", import.meta.url), "utf8"),
);
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
  jobs: manifest.jobs,
};

describe("an assignment", () => {
  it("hands the data quality rules to the job that counts by them, and to no other", () => {
    const of = (id: string) => composeSpec(site, id, manifest.jobs[id] ?? expect.fail(`no ${id}`), 1, {}).qualityRules;
    expect(of("sales.dq")).toEqual({ revision: "abc", rows: [] });
    expect(of("sales.silver")).toBeUndefined();
  });

  it("says up to which version the ledger of each table it writes is kept, so that log clean-up waits for the rest", () => {
    const tables = {
      "gold.revenue_5m": "gen=1/gold.revenue_5m",
      "gold.revenue_5m_updates": "gen=1/gold.revenue_5m_updates",
      "silver.sales_events": "gen=1/silver.sales_events",
    };
    const gold = manifest.jobs["sales.gold"];
    if (gold === undefined) throw new Error("the manifest has no gold");
    expect(composeSpec(site, "sales.gold", gold, 1, tables).harvested).toEqual({
      "gold.revenue_5m": 7,
      "gold.revenue_5m_updates": null,
    });
  });
});
