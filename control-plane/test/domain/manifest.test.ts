import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ManifestError, parseManifest } from "../../src/domain/manifest.ts";

const root = new URL("../../../", import.meta.url);
const sales = readFileSync(new URL("spark_jobs/penstock_jobs/pipelines/sales/pipeline.yaml", root), "utf8");
const seconds = readFileSync(new URL("test/pipelines/sales-seconds.yaml", root), "utf8");
const createTime = readFileSync(new URL("test/pipelines/sales-createtime.yaml", root), "utf8");

function complaints(text: string): { path: string; value?: unknown; expected: string }[] {
  try {
    parseManifest(text);
  } catch (error) {
    if (error instanceof ManifestError) return error.complaints;
    throw error;
  }
  throw new Error("the manifest was accepted");
}

describe("the manifest", () => {
  it("gives durations in milliseconds", () => {
    expect(parseManifest(sales).parameters).toEqual({
      windowMs: 300_000,
      allowedLatenessMs: 600_000,
      allowedSkewMs: 300_000,
      dedupHorizonMs: 3_600_000,
      latencySlaMs: 300_000,
      idleTickMs: 30_000,
      clockMarginMs: 1_000,
    });
  });

  it("of the tests differs from the product's in parameters only", () => {
    const { parameters, ...rest } = parseManifest(seconds);
    const { parameters: _, ...product } = parseManifest(sales);
    expect(rest).toEqual(product);
    expect(parameters.windowMs).toBe(10_000);
  });

  it("of nasty events differs in who sets timestamps, and how far they may lie behind", () => {
    const product = parseManifest(sales);
    const { events, ...topics } = product.topics;
    expect(parseManifest(createTime)).toEqual({
      ...product,
      topics: { ...topics, events: { ...events, timestampType: "CreateTime" } },
      parameters: { ...product.parameters, clockMarginMs: 7 * 3_600_000 },
    });
  });

  it.each([
    ["an unknown key", /idleTick: 30s/, "idleTik: 30s", "parameters.idleTik", /known here: window/],
    ["a bad duration", /window: 5m/, "window: 5 minutes", "parameters.window", /such as 500ms/],
    ["a window of no length", /window: 5m/, "window: 0s", "parameters.window", /more than zero/],
    ["a number where a text belongs", /^name: sales$/m, "name: 7", "name", /a name of/],
    ["an unknown application", /application: sales/, "application: other", "jobs.sales.bronze.application", /: sales$/],
    [
      "an unknown table",
      /reads: \[bronze.sales_events\]/,
      "reads: [bronze.nope]",
      "jobs.sales.silver.reads",
      /some job/,
    ],
    ["a table with two writers", /\[dq.revenue_5m.metrics,/, "[gold.revenue_5m,", "jobs.sales.dq.writes", /sales.gold/],
    [
      "a job that reads itself",
      /limits: \{ maxOffsetsPerTrigger: 200000 \}\n {4}reads: \[\]/,
      "reads: [silver.sales_events]",
      "jobs.sales.bronze.reads",
      /this job/,
    ],
    [
      "an application with the name of a job's own",
      /\n {2}sales: \{ cores/,
      "\n  sales: { cores: 1, driverMemory: 800m, executorMemory: 800m, shufflePartitions: 2 }\n  dedicated: { cores",
      "applications.dedicated",
      /another name/,
    ],
    ["a job of another pipeline", /sales.dq:/, "orders.dq:", "jobs.orders.dq", /sales\.<name>/],
    ["too short a horizon", /dedupHorizon: 1h/, "dedupHorizon: 1m", "parameters.dedupHorizon", /900000 ms/],
    ["a wrong compatibility", /BACKWARD_TRANSITIVE/, "SOMETIMES", "contract.compatibility", /one of BACKWARD/],
    ["a bad memory size", /driverMemory: 800m/, "driverMemory: lots", "applications.sales.driverMemory", /800m or 2g/],
    [
      "a limit that is no number",
      /maxOffsetsPerTrigger: 200000/,
      "maxOffsetsPerTrigger: all",
      "jobs.sales.bronze.limits.maxOffsetsPerTrigger",
      /whole number/,
    ],
    [
      "a publication of a table that nobody writes",
      /feed: deadLetters, table: silver.sales_events/,
      "feed: deadLetters, table: silver.nope",
      "publications.deadLetters.table",
      /some job writes/,
    ],
    [
      "a publication to the topic that is read",
      /topic: dqResults \}/,
      "topic: events }",
      "publications.dqResults.topic",
      /deadLetters, revenue, dqResults/,
    ],
    [
      "two publications to one topic",
      /topic: dqResults \}/,
      "topic: deadLetters }",
      "publications.dqResults.topic",
      /deadLetters does not publish to/,
    ],
    [
      "final windows without a schema",
      /\n {4}schema: producer.schemas.revenue-window.avsc/,
      "",
      "publications.revenue.schema",
      /\.avsc file/,
    ],
    [
      "a feed that there is not",
      /feed: batchMetrics/,
      "feed: batchmetrics",
      "publications.dqResults.feed",
      /deadLetters, finalWindows, batchMetrics/,
    ],
    [
      "a topic that takes next to nothing",
      /maxMessageBytes: 2097152/,
      "maxMessageBytes: 100",
      "topics.deadLetters.maxMessageBytes",
      /16384 to/,
    ],
  ])("refuses %s and names its path", (_, what, instead, path, expected) => {
    expect(sales).toMatch(what);
    const found = complaints(sales.replace(what, instead)).find((complaint) => complaint.path === path);
    expect(found?.expected).toMatch(expected);
  });

  const withAliases = (aliases: string) => sales.replace(/\n {2}clockMargin: 1s/, `$&\n  aliases: ${aliases}`);

  it("takes what stands for values of the contract", () => {
    const { aliases } = parseManifest(
      withAliases("{ plan_tier: { gold: enterprise }, region: { UK: EU } }"),
    ).parameters;
    expect(aliases).toEqual({ plan_tier: { gold: "enterprise" }, region: { UK: "EU" } });
  });

  it.each([
    [
      "of a column without values of its own",
      "{ account_id: { a: b } }",
      "account_id",
      /event_type, plan_tier, region/,
    ],
    ["that is a value itself", "{ plan_tier: { pro: enterprise } }", "plan_tier.pro", /no value of its own/],
    ["in another form than silver compares", "{ region: { uk: EU } }", "region.uk", /compares: UK/],
    ["with spaces around it", '{ plan_tier: { " gold": pro } }', "plan_tier. gold", /compares: gold/],
    ["for what is no value", "{ plan_tier: { gold: platinum } }", "plan_tier.gold", /free, pro, enterprise/],
  ])("refuses an alias %s", (_, aliases, path, expected) => {
    const found = complaints(withAliases(aliases)).find((complaint) => complaint.path === `parameters.aliases.${path}`);
    expect(found?.expected).toMatch(expected);
  });

  it("reports every mistake at once", () => {
    const paths = complaints("name: sales\nextra: 1\n").map((complaint) => complaint.path);
    expect(paths).toEqual(expect.arrayContaining(["extra", "topics", "contract", "parameters", "jobs"]));
  });

  it("refuses text that is not YAML in one sentence", () => {
    expect(complaints("name: [")).toMatchObject([{ path: "document", expected: expect.stringContaining("YAML") }]);
  });
});
