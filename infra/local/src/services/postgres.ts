import { appendFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { isLoopback } from "../../../../control-plane/src/domain/access.ts";
import { runQuietly } from "../install/run-quietly.ts";
import type { Settings } from "../settings.ts";
import { cleanEnvironment } from "./environment.ts";
import { type PostgresAccount, postgresAccount } from "./postgres-account.ts";
import { acceptsConnections } from "./readiness.ts";
import { REGISTRY_DATABASE } from "./schema-registry.ts";
import type { Launch, Service, StackContext } from "./service.ts";

const USER = "penstock";
const DATABASE = "penstock";

/** The URL of the control plane's database, password included. */
export function databaseUrl({ settings, secrets }: StackContext, database = DATABASE): string {
  return `postgres://${USER}:${secrets.postgresPassword}@${settings.hosts.postgres}:${settings.ports.postgres}/${database}`;
}

/** A Postgres server with the databases of the control plane and the schema registry. */
export function postgres(context: StackContext): Service {
  const { settings, secrets } = context;
  const data = join(settings.stateDir, "postgres");
  const account = postgresAccount(settings, data);
  const command = (binary: string, args: readonly string[]): Launch =>
    account.wrap({
      program: join(settings.runtime.dir, "postgres", "bin", binary),
      args,
      env: cleanEnvironment(settings),
      cwd: data,
    });
  return {
    name: "postgres",
    dependsOn: [],
    readyWithinMs: 30_000,
    // "Fast shutdown": ends sessions instead of waiting for them.
    stopSignal: "SIGINT",
    stopWithinMs: 5_000,
    async prepare() {
      if (!existsSync(join(data, "initialised"))) {
        await initialise(data, account, secrets.postgresPassword, command);
        if (!isLoopback(settings.hosts.postgres)) letOthersIn(data);
        writeFileSync(join(data, "initialised"), "");
      }
      account.own(data);
    },
    launch: () => command("postgres", ["-D", data, ...serverOptions(settings)]),
    async isReady() {
      if (!(await acceptsConnections(settings.hosts.postgres, settings.ports.postgres))) return false;
      return await createDatabases(context);
    },
  };
}

async function initialise(
  data: string,
  account: PostgresAccount,
  password: string,
  command: (binary: string, args: readonly string[]) => Launch,
): Promise<void> {
  mkdirSync(data, { recursive: true });
  // What an interrupted initdb left behind is of no use.
  for (const entry of readdirSync(data)) rmSync(join(data, entry), { recursive: true });
  // Not among the secrets, whose folder is closed to the account that runs initdb.
  const passwordFile = `${data}-initdb-password`;
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  try {
    account.own(data);
    account.own(passwordFile);
    account.check();
    const { program, args, env, cwd } = command("initdb", [
      "-D",
      data,
      "-U",
      USER,
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--locale=C",
      "--no-sync",
    ]);
    await runQuietly("Creating Postgres' data folder", program, args, { env, ...(cwd ? { cwd } : {}) });
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/** initdb lets in this machine alone; where the others are not on it, they come with the password, too. */
function letOthersIn(data: string): void {
  appendFileSync(join(data, "pg_hba.conf"), "host all all all scram-sha-256\n");
}

function serverOptions({ hosts, ports }: Settings): string[] {
  const options = {
    listen_addresses: hosts.postgres,
    port: String(ports.postgres),
    // Everybody comes by TCP and with the password.
    unix_socket_directories: "",
    max_connections: "60",
    shared_buffers: "32MB",
    io_method: "sync",
    max_wal_size: "256MB",
    jit: "off",
    logging_collector: "off",
    log_timezone: "UTC",
    timezone: "UTC",
  };
  return Object.entries(options).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

async function createDatabases(context: StackContext): Promise<boolean> {
  const client = new pg.Client({ connectionString: databaseUrl(context, "postgres"), connectionTimeoutMillis: 2_000 });
  // Without a listener a connection that breaks later would end this process.
  client.on("error", () => {});
  try {
    await client.connect();
    for (const name of [DATABASE, REGISTRY_DATABASE]) {
      const found = await client.query("SELECT 1 FROM pg_database WHERE datname = $1", [name]);
      if (found.rowCount === 0) await client.query(`CREATE DATABASE ${name}`);
    }
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}
