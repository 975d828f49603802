import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { UNPROTECTED } from "../../../../control-plane/src/domain/kafka-security.ts";
import { parseManifest } from "../../../../control-plane/src/domain/manifest.ts";
import { OPEN_REGISTRY } from "../../../../control-plane/src/domain/registry-access.ts";
import { freePort, startPostgres } from "../../../../control-plane/test/fixtures/postgres.ts";
import { lookAt } from "../../src/doctor/check.ts";
import { type Addresses, serviceChecks } from "../../src/doctor/services.ts";
import { CHECKOUT } from "../../src/root.ts";

const MANIFEST = "spark_jobs/penstock_jobs/pipelines/sales/pipeline.yaml";
const manifest = parseManifest(readFileSync(join(CHECKOUT, MANIFEST), "utf8"));
const ANSWERS: Record<string, unknown> = {
  "/registry/subjects": ["sales.events.v1-value"],
  "/spark/json/": {
    status: "ALIVE",
    workers: [
      { state: "ALIVE", cores: 6 },
      { state: "DEAD", cores: 6 },
    ],
  },
  "/recovering/json/": { status: "RECOVERING", workers: [] },
  "/plane/readyz": { checks: [{ name: "kafka", status: "fail", text: "does not answer" }] },
};

let server: Server;
let base: string;
let away: string;
let postgres: Awaited<ReturnType<typeof startPostgres>>;

beforeAll(async () => {
  server = createServer((request, response) => {
    const answer = ANSWERS[request.url ?? ""];
    response.writeHead(answer === undefined ? 404 : 200).end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  away = `127.0.0.1:${await freePort()}`;
  postgres = await startPostgres();
}, 60_000);

afterAll(async () => {
  server.close();
  await postgres?.stop();
});

async function findings(change: Partial<Addresses> = {}) {
  const addresses = {
    brokers: [away],
    registryUrl: `${base}/registry`,
    databaseUrl: postgres.url,
    sparkMasterUiUrl: `${base}/spark`,
    controlPlaneUrl: `${base}/plane`,
    connections: { kafka: UNPROTECTED, registry: OPEN_REGISTRY, forDrivers: {} },
    ...change,
  };
  const [kafka, registry, database, spark, plane] = await lookAt(serviceChecks(addresses, manifest));
  return { kafka, registry, database, spark, plane };
}

it("says of each service whether it answers, and what of it", async () => {
  const { kafka, registry, database, spark, plane } = await findings();
  expect(kafka).toMatchObject({ status: "fail", next: expect.stringContaining("PENSTOCK_KAFKA_BROKERS") });
  expect(registry).toMatchObject({ status: "ok", text: "answers; knows sales.events.v1-value" });
  expect(database).toMatchObject({ status: "ok", text: expect.stringMatching(/^answers, version \d+/) });
  expect(spark).toMatchObject({ status: "ok", text: "ALIVE, 1 worker with 6 cores" });
  expect(plane).toMatchObject({ status: "warn", text: "kafka: does not answer" });
});

it("names the setting of what does not answer, and shows no password", async () => {
  const { registry, database, spark } = await findings({
    registryUrl: `http://${away}`,
    databaseUrl: `postgres://penstock:top-secret@${away}/penstock`,
    sparkMasterUiUrl: `${base}/recovering`,
  });
  expect(registry).toMatchObject({ status: "fail", next: expect.stringContaining("PENSTOCK_REGISTRY_URL") });
  expect(database).toMatchObject({ status: "fail", text: expect.stringContaining("ECONNREFUSED") });
  expect(JSON.stringify(database)).not.toContain("top-secret");
  expect(spark).toMatchObject({ status: "warn", text: "RECOVERING, 0 workers with 0 cores" });
});
