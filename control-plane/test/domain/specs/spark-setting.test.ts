import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { composeSubmission } from "../../../src/domain/spark-settings.ts";
import { refusalOf } from "../../../src/domain/specs/spark-setting.ts";

const session = readFileSync(new URL("../../../../spark_jobs/penstock_jobs/session.py", import.meta.url), "utf8");

describe("a Spark setting of an application", () => {
  it("is refused when the runner's session sets it", () => {
    const table = session.slice(session.indexOf("SETTINGS: dict"), session.indexOf("\n}"));
    const names = [...table.matchAll(/^ {4}"(spark\.[^"]+)":/gm)].map(([, name]) => String(name));
    expect(names.length).toBeGreaterThan(20);
    expect(names.filter((name) => refusalOf(name, "x") === null)).toEqual([]);
  });

  it("is refused when the submission sets it", () => {
    const site = {
      masterUrl: "",
      host: "",
      python: "",
      javaHome: "",
      jobsDir: "",
      jarsDir: "",
      stateDir: "",
      controlPlanes: [],
      tokenFile: "",
    };
    const spec = { cores: 1, driverMemory: "1g", executorMemory: "1g", shufflePartitions: 1, settings: {} };
    const { sparkProperties } = composeSubmission(site, "sales", spec, "launch");
    expect(Object.keys(sparkProperties).filter((name) => refusalOf(name, "x") === null)).toEqual([]);
  });

  it.each<[string, string, RegExp]>([
    ["spark.executor.memory", "2g", /use `executorMemory`/],
    ["spark.sql.shuffle.partitions", "8", /use `shufflePartitions`/],
    ["spark.SQL.streaming.STATESTORE.providerClass", "x", /what a checkpoint holds/],
    ["spark.hadoop.fs.s3a.secret.key", "x", /no secret may stand there/],
    ["spark.custom.url", "https://user:hunter2@host/", /no secret may stand there/],
    ["spark.jars.packages", "evil:evil:1", /other code/],
    ["spark.plugins", "evil.Plugin", /other code/],
    ["spark.driver.extraJavaOptions", "-Dx=y", /set by Penstock itself/],
    ["shuffle.partitions", "8", /the name of a Spark setting/],
    ["spark.a b", "8", /the name of a Spark setting/],
  ])("is refused with its reason: %s", (name, value, reason) => {
    expect(refusalOf(name, value)).toMatch(reason);
  });

  it.each([
    ["spark.sql.files.maxPartitionBytes", "64m"],
    ["spark.locality.wait", "0s"],
    ["spark.sql.autoBroadcastJoinThreshold", "-1"],
    ["spark.network.timeout", "120s"],
  ])("may be given: %s", (name, value) => {
    expect(refusalOf(name, value)).toBeNull();
  });
});
