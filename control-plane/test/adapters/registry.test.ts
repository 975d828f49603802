import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { RegistryAway, registerContract } from "../../../producer/src/registration.ts";
import { createSchemaRegistry } from "../../src/adapters/registry.ts";
import { trustCertificates } from "../../src/adapters/trusted-certificates.ts";
import { certificate } from "../fixtures/secured-kafka.ts";

const LOGIN = { username: "alice", password: "pass:wörd" };
const EXPECTED = `Basic ${Buffer.from("alice:pass:wörd").toString("base64")}`;

let server: Server;
let url: string;

// A registry behind TLS and basic authentication, such as a hosted one.
beforeAll(async () => {
  const files = { cert: readFileSync(certificate("server")), key: readFileSync(certificate("server-key")) };
  server = createServer(files, (request, response) => {
    const isKnown = request.headers.authorization === EXPECTED;
    const answer = request.url?.startsWith("/config") ? { compatibilityLevel: "BACKWARD_TRANSITIVE" } : { id: 7 };
    response.writeHead(isKnown ? 200 : 401, { "content-type": "application/json" });
    response.end(JSON.stringify(isKnown ? answer : { error_code: 401, message: "Unauthorized" }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const refusal = (work: Promise<unknown>) => work.then(String, (error) => error.details?.detail ?? error.message);

// In this order: what a process trusts, it trusts from then on.
it("a registry whose certificate nobody trusts is away, and the setting is named", async () => {
  const asked = await refusal(createSchemaRegistry(url, LOGIN).ping());
  expect(asked).toMatch(/^The schema registry does not answer: .*certificate.* PENSTOCK_REGISTRY_CA_FILE names/);
  const registering = registerContract({ url, login: LOGIN }, "sales-value");
  await expect(registering).rejects.toThrow(RegistryAway);
  await expect(registering).rejects.toThrow("PENSTOCK_REGISTRY_CA_FILE");
});

it("a registry that is trusted lets in who knows the password", async () => {
  trustCertificates(readFileSync(certificate("ca"), "utf8"));
  await createSchemaRegistry(url, LOGIN).ping();
  expect(await registerContract({ url, login: LOGIN }, "sales-value")).toBe(7);
});

it("a wrong password is refused with the settings to look at, and is not shown", async () => {
  const login = { username: "alice", password: "top-secret" };
  const answers = [
    await refusal(createSchemaRegistry(url, login).ping()),
    await refusal(createSchemaRegistry(url, null).ping()),
    await refusal(registerContract({ url, login }, "sales-value")),
  ];
  for (const text of answers) {
    expect(text).toContain("401");
    expect(text).toContain("see PENSTOCK_REGISTRY_USERNAME and PENSTOCK_REGISTRY_PASSWORD_FILE");
    expect(text).not.toContain("top-secret");
  }
});
