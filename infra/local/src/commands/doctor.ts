import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseManifest } from "../../../../control-plane/src/domain/manifest.ts";
import { UsageError } from "../../../../producer/src/command-line.ts";
import { CONNECTION_HELP, connectionsOf } from "../../../../producer/src/connections.ts";
import { type Finding, lookAt } from "../doctor/check.ts";
import { machineChecks } from "../doctor/machine.ts";
import { type Addresses, serviceChecks } from "../doctor/services.ts";
import { loadSecrets } from "../secrets.ts";
import { controlPlaneUrl } from "../services/control-plane.ts";
import { kafkaAddress } from "../services/kafka.ts";
import { databaseUrl } from "../services/postgres.ts";
import { registryUrl } from "../services/schema-registry.ts";
import { sparkMasterUiUrl } from "../services/spark.ts";
import { text } from "../setting-values.ts";
import { readSettings, type Settings } from "../settings.ts";
import { UserError } from "../user-error.ts";
import { type Command, readOptions } from "./command.ts";

const MARKS: Readonly<Record<Finding["status"], string>> = { ok: "ok  ", warn: "note", fail: "FAIL" };

export const doctor: Command = {
  name: "doctor",
  summary: "what this machine has, which services answer, and what is missing",
  help: `Usage: npm run doctor

Looks at this machine and at each service at its address: whether it answers, its version, what it lacks. Nothing is started,
stopped or changed. Services that run elsewhere are named as the control plane is told of them: PENSTOCK_KAFKA_BROKERS,
PENSTOCK_REGISTRY_URL, PENSTOCK_DATABASE_URL, PENSTOCK_SPARK_MASTER_UI_URL. Exits with 1 when something does not answer.

${CONNECTION_HELP}`,
  async run(args) {
    readOptions("doctor", args, {});
    const settings = readSettings(process.env);
    const manifest = parseManifest(readFileSync(settings.manifest, "utf8"));
    const findings = await lookAt([...machineChecks(settings), ...serviceChecks(addresses(settings), manifest)]);
    for (const { title, status, text, next } of findings) {
      console.log(`${MARKS[status]}  ${title}: ${text}${next ? `\n      → ${next}` : ""}`);
    }
    return findings.some(({ status }) => status === "fail") ? 1 : 0;
  },
};

function addresses(settings: Settings): Addresses {
  const of = (name: string, own: string): string => text(process.env, name, own);
  return {
    brokers: of("PENSTOCK_KAFKA_BROKERS", kafkaAddress(settings)).split(","),
    registryUrl: of("PENSTOCK_REGISTRY_URL", registryUrl(settings)).replace(/\/$/, ""),
    databaseUrl: of("PENSTOCK_DATABASE_URL", ownDatabase(settings)),
    sparkMasterUiUrl: of("PENSTOCK_SPARK_MASTER_UI_URL", sparkMasterUiUrl(settings)),
    controlPlaneUrl: controlPlaneUrl(settings),
    connections: connections(),
  };
}

function connections(): Addresses["connections"] {
  try {
    return connectionsOf(process.env);
  } catch (error) {
    throw error instanceof UsageError ? new UserError(error.message) : error;
  }
}

/** Secrets are made by a start, not by a look. */
function ownDatabase(settings: Settings): string {
  const secrets = existsSync(join(settings.stateDir, "secrets")) ? loadSecrets(settings.stateDir) : null;
  const { hosts, ports } = settings;
  return secrets === null
    ? `postgres://${hosts.postgres}:${ports.postgres}/penstock`
    : databaseUrl({ settings, secrets });
}
