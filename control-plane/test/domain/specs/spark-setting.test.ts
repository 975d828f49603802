import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { composeSubmission } from "../../../src/domain/spark-settings.ts";
import { ALLOWED_SETTINGS, refusalOf, VALUES } from "../../../src/domain/specs/spark-setting.ts";
import { REFUSALS, reasonAgainst } from "../../../src/domain/specs/spark-setting-refusals.ts";

const session = readFileSync(new URL("../../../../spark_jobs/penstock_jobs/session.py", import.meta.url), "utf8");

describe("a Spark setting of an application", () => {
  it("is refused when the runner's session sets it", () => {
    const table = session.slice(session.indexOf("SETTINGS: dict"), session.indexOf("\n}"));
    const names = [...table.matchAll(/^ {4}"(spark\.[^"]+)":/gm)].map(([, name]) => String(name));
    expect(names.length).toBeGreaterThan(20);
    expect(names.filter((name) => name in ALLOWED_SETTINGS)).toEqual([]);
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
      signpost: "",
      connections: {},
      tokenFile: "",
    };
    const spec = { cores: 1, driverMemory: "1g", executorMemory: "1g", shufflePartitions: 1, settings: {} };
    const { sparkProperties } = composeSubmission(site, "sales", spec, "launch");
    expect(Object.keys(sparkProperties).filter((name) => name in ALLOWED_SETTINGS)).toEqual([]);
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
    ["spark.task.cpus", "2", /sized by `cores` and `executorMemory` alone/],
    ["spark.local.dir", "/tmp", /files and where they lie/],
    ["spark.sql.sources.commitProtocolClass", "x", /written exactly once depends on it/],
    ["spark.sql.files.ignoreMissingFiles", "true", /whether it is read at all/],
    ["spark.speculation", "true", /written exactly once/],
    ["spark.sql.codegen.wholeStage", "false", /not among those of which it is known.*docs\/spark-settings.md/],
    ["spark.brand.new.in.4.2", "x", /not among those of which it is known/],
    ["spark.sql.files.MaxPartitionBytes", "64m", /knows it as spark.sql.files.maxPartitionBytes/],
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
    ["spark.memory.fraction", "0.75"],
  ])("may be given: %s", (name, value) => {
    expect(refusalOf(name, value)).toBeNull();
  });

  it.each([
    ["spark.sql.files.maxPartitionBytes", "lots", "a size from 1k to 999m, such as 64m"],
    ["spark.network.timeout", "5s", "a duration of at least 30s, such as 2min"],
    ["spark.memory.fraction", "1.5", "a share between 0.1 and 0.99"],
    ["spark.rpc.message.maxSize", "2048", "MiB as a whole number, 1 to 2047"],
    ["spark.shuffle.compress", "yes", "true or false"],
  ])("may be given, and not with a value that Spark would not start with: %s", (name, value, expected) => {
    expect(refusalOf(name, value)).toBe(expected);
  });

  it("has no reason against it when it may be given", () => {
    const names = Object.keys(ALLOWED_SETTINGS);
    const exact = REFUSALS.map(([name]) => name);
    expect(names.filter((name) => exact.includes(name))).toEqual([]);
    expect(names.filter((name) => reasonAgainst(name)?.includes("other code"))).toEqual([]);
  });
});

describe("docs/spark-settings.md", () => {
  it("lists what may be given, and why other settings may not", async () => {
    const allowed = Object.entries(ALLOWED_SETTINGS).map(
      ([name, { use, value }]) => `| \`${name}\` | ${VALUES[value].expected} | ${use} |`,
    );
    const reasons = Map.groupBy(REFUSALS, ([, why]) => why);
    const refused = [...reasons].map(
      ([why, those]) =>
        `| ${those.map(([name]) => `\`${name}${name.endsWith(".") ? "*" : ""}\``).join(", ")} | ${why} |`,
    );
    await expect(DOCUMENT(allowed, refused)).toMatchFileSnapshot(
      fileURLToPath(new URL("../../../../docs/spark-settings.md", import.meta.url)),
    );
  });
});

const DOCUMENT = (allowed: string[], refused: string[]) => `# Spark settings of an application

Written from the code by a test, which fails when the two differ: \`npx vitest run --project unit spark-setting -u\` writes it anew.

The field \`settings\` of an application (\`PUT /v1/applications/{app}\`, or in the manifest) takes these and no others. Spark has some thousand settings: which of them
let records vanish, make a checkpoint useless, load foreign code or show a secret cannot be said of all, and so a setting has to be known to be harmless before it can be given.

| setting | value | what it is for |
| --- | --- | --- |
${allowed.join("\n")}

A setting that an older version took, and that is not listed any more, stays with its application and is shown, until the spec is changed: the change then has to leave it out. Whoever
misses one here: it is one line in \`control-plane/src/domain/specs/spark-setting.ts\`, with the reason why it can hurt nothing.

## Why not

The answer to a setting that is refused names the reason where there is a known one. \`*\` stands for all that begin so; what fits an earlier line has that reason.

| setting | reason |
| --- | --- |
${refused.join("\n")}
| any other | it is not among those of which it is known that they can hurt nothing |
`;
