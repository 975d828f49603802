import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readConfig } from "../../../control-plane/src/config.ts";
import { KAFKA_SETTINGS } from "../../../control-plane/src/domain/kafka-security.ts";
import { REGISTRY_SETTINGS } from "../../../control-plane/src/domain/registry-access.ts";
import { ACCESS } from "../src/elsewhere.ts";
import { CHECKOUT } from "../src/root.ts";
import { loadSecrets } from "../src/secrets.ts";
import { stackEnvironment } from "../src/services/stack-environment.ts";
import { readSettings } from "../src/settings.ts";

const stateDir = mkdtempSync(join(tmpdir(), "penstock-settings-"));

afterAll(() => rmSync(stateDir, { recursive: true }));

/** What the launcher hands on, and the names that the control plane asks for. */
function handedOn(exported: Record<string, string>) {
  const settings = readSettings({ ...exported, PENSTOCK_STATE_DIR: stateDir });
  const environment = stackEnvironment({ settings, secrets: loadSecrets(stateDir) });
  const asked = new Set<string>();
  const config = readConfig(
    new Proxy(environment, {
      get(target, name: string) {
        asked.add(name);
        return target[name];
      },
    }),
  );
  return { settings, environment, config, asked };
}

/** Of those that it hands on: what the control plane knows by itself. */
const OPTIONAL = [
  "PENSTOCK_HOST",
  "PENSTOCK_LISTEN",
  "PENSTOCK_ACCESS",
  "PENSTOCK_PORT",
  "PENSTOCK_MANIFEST",
  "PENSTOCK_DISK_WARN",
  "PENSTOCK_LAKE_DIR",
  "PENSTOCK_CHECKPOINT_DIR",
  "PENSTOCK_SPARK_JOBS_DIR",
];

describe("what the launcher hands to the control plane", () => {
  it("is all that it needs, and means the same to both", () => {
    const { settings, config } = handedOn({ PENSTOCK_PORT_OFFSET: "1000", PENSTOCK_DISK_WARN: "7GB" });
    expect(config).toMatchObject({
      host: settings.host,
      listen: settings.listen,
      access: settings.access,
      port: 9080,
      stateDir,
      manifestPath: settings.manifest,
      diskWarnBytes: settings.diskWarn.bytes,
      drivers: "here",
      kafkaBrokers: ["127.0.0.1:10092"],
    });
  });

  it("has names that it reads", () => {
    const { environment, asked } = handedOn({});
    // For what the launcher itself starts again, and how a service elsewhere is reached.
    const others = ["PENSTOCK_HOME", "PENSTOCK_RUNTIME_DIR", ...ACCESS];
    expect(Object.keys(environment).filter((name) => !asked.has(name) && !others.includes(name))).toEqual([]);
  });

  it("says everything that it can be told of how services elsewhere are reached", () => {
    expect([...ACCESS].sort()).toEqual([...KAFKA_SETTINGS, ...REGISTRY_SETTINGS].sort());
  });

  it("has the defaults that it has by itself", () => {
    const { environment, config } = handedOn({});
    const needed = Object.entries(environment).filter(([name]) => !OPTIONAL.includes(name));
    expect(needed.length).toBe(Object.keys(environment).length - OPTIONAL.length);
    expect(readConfig(Object.fromEntries(needed))).toEqual(config);
  });
});

/** For tests, for processes that these programs start themselves, and beginnings of names. */
const NO_SETTINGS = [
  "PENSTOCK_FAILPOINT_DIR",
  "PENSTOCK_INSTALLING",
  "PENSTOCK_KAFKA",
  "PENSTOCK_LAUNCH_ID",
  "PENSTOCK_PRODUCER_TOO_LATE",
  "PENSTOCK_REGISTRY",
  "PENSTOCK_SERVICE",
];

describe("the table of settings in docs/contracts.md", () => {
  it("has every setting that is read, and no other", () => {
    const namesIn = (text: string) => [...text.matchAll(/\bPENSTOCK_[A-Z_]*[A-Z](?![A-Z_])/g)].map(([name]) => name);
    const files = globSync("{control-plane,infra/local,infra/docker,producer}/src/**/*.ts", { cwd: CHECKOUT });
    const read = files.flatMap((file) => namesIn(readFileSync(join(CHECKOUT, file), "utf8")));
    const contracts = readFileSync(join(CHECKOUT, "docs", "contracts.md"), "utf8");
    const [, settings = ""] = /^## 1\..*?$(.*?)^## 2\./ms.exec(contracts) ?? [];
    expect([...new Set(namesIn(settings))].sort()).toEqual(
      [...new Set(read)].filter((name) => !NO_SETTINGS.includes(name)).sort(),
    );
  });
});
