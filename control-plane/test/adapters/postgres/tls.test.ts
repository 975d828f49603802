import { chmodSync, chownSync, copyFileSync, statSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { openDatabase } from "../../../src/adapters/postgres/database.ts";
import { startPostgres, type TestPostgres } from "../../fixtures/postgres.ts";
import { certificate } from "../../fixtures/secured-kafka.ts";

let postgres: TestPostgres;

beforeAll(async () => {
  postgres = await startPostgres();
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  const { rows } = await client.query("SHOW data_directory");
  const { uid, gid } = statSync(rows[0].data_directory);
  for (const name of ["server", "server-key"] as const) {
    const copy = join(rows[0].data_directory, `${name}.pem`);
    copyFileSync(certificate(name), copy);
    // Postgres reads a key only that is its own, and nobody else's.
    chmodSync(copy, 0o600);
    chownSync(copy, uid, gid);
  }
  for (const setting of ["ssl_cert_file = 'server.pem'", "ssl_key_file = 'server-key.pem'", "ssl = on"]) {
    await client.query(`ALTER SYSTEM SET ${setting}`);
  }
  await client.query("SELECT pg_reload_conf()");
  await vi.waitUntil(async () => (await client.query("SHOW ssl")).rows[0].ssl === "on", { timeout: 20_000 });
  await client.end();
}, 120_000);

afterAll(() => postgres?.stop());

/** Whether the connection of a URL with these parameters is encrypted, or why there is none. */
async function connect(parameters: string): Promise<string> {
  const database = openDatabase(`${postgres.url}${parameters}`, () => undefined);
  try {
    const [row] = await database.query<{ ssl: boolean }>("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
    return row?.ssl ? "TLS" : "plain";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await database.close();
  }
}

it.each([
  ["", "plain"],
  ["?sslmode=disable", "plain"],
  [`?sslmode=verify-full&sslrootcert=${certificate("ca")}`, "TLS"],
  ["?sslmode=no-verify", "TLS"],
  // Stricter than libpq: an unknown CA is refused by all of these.
  ["?sslmode=verify-full", expect.stringContaining("certificate")],
  [`?sslmode=verify-full&sslrootcert=${certificate("other-ca")}`, expect.stringContaining("certificate")],
])("the database's URL decides about TLS: %j", async (parameters, expected) => {
  expect(await connect(parameters)).toEqual(expected);
});
