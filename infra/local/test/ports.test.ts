import { type AddressInfo, createServer, type Server } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { checkPorts, portHolder } from "../src/ports.ts";
import { readSettings } from "../src/settings.ts";

const servers: Server[] = [];

async function listen(): Promise<number> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Ports that nothing listens on, because the system has just given them out and taken them back. */
async function freePorts(count: number): Promise<number[]> {
  const ports = await Promise.all(Array.from({ length: count }, listen));
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function settingsWithFreePorts() {
  const names = [
    "PORT",
    "KAFKA_PORT",
    "KAFKA_CONTROLLER_PORT",
    "REGISTRY_PORT",
    "REGISTRY_MANAGEMENT_PORT",
    "POSTGRES_PORT",
    "SPARK_MASTER_PORT",
    "SPARK_MASTER_REST_PORT",
    "SPARK_MASTER_UI_PORT",
    "SPARK_WORKER_PORT",
    "SPARK_WORKER_UI_PORT",
  ];
  const free = await freePorts(names.length);
  const env = Object.fromEntries(names.map((name, index) => [`PENSTOCK_${name}`, String(free[index])]));
  return readSettings(env);
}

describe("ports", () => {
  it("pass when all of them are free", async () => {
    await expect(checkPorts(await settingsWithFreePorts())).resolves.toBeUndefined();
  });

  it("name the process that listens", async () => {
    expect(portHolder(await listen())?.pid).toBe(process.pid);
  });

  it("tell whose port is taken, by which process, and the setting to change", async () => {
    const settings = await settingsWithFreePorts();
    const port = await listen();
    const taken = { ...settings, ports: { ...settings.ports, kafka: port } };
    await expect(checkPorts(taken)).rejects.toThrow(
      new RegExp(
        `Port ${port} of Kafka is taken by pid ${process.pid} \\(.*node.*\\): set PENSTOCK_KAFKA_PORT to another port`,
      ),
    );
  });

  it("are looked at where the control plane listens, too", async () => {
    const settings = await settingsWithFreePorts();
    await expect(checkPorts({ ...settings, listen: "0.0.0.0" })).resolves.toBeUndefined();
    await expect(checkPorts({ ...settings, listen: "203.0.113.7" })).rejects.toThrow(
      "PENSTOCK_LISTEN is 203.0.113.7: this machine has no such address.",
    );
    const elsewhere = createServer();
    servers.push(elsewhere);
    await new Promise<void>((resolve) => elsewhere.listen(settings.ports.controlPlane, "127.0.0.2", resolve));
    await expect(checkPorts({ ...settings, listen: "127.0.0.2" })).rejects.toThrow(
      /of the control plane is taken by pid \d+ .* at 127\.0\.0\.2: set PENSTOCK_PORT/,
    );
  });

  it("name all that are taken at once", async () => {
    const settings = await settingsWithFreePorts();
    const [one, other] = [await listen(), await listen()];
    const taken = { ...settings, ports: { ...settings.ports, postgres: one, registry: other } };
    await expect(checkPorts(taken)).rejects.toThrow(
      /PENSTOCK_REGISTRY_PORT[\s\S]*PENSTOCK_POSTGRES_PORT[\s\S]*PENSTOCK_PORT_OFFSET/,
    );
  });
});
