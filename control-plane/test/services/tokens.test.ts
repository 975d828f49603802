import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTokenStore } from "../../src/adapters/postgres/tokens.ts";
import { Tokens } from "../../src/services/tokens.ts";
import { openTestDatabase, type TestDatabase } from "../fixtures/database.ts";

let opened: TestDatabase;
let tokens: Tokens;
let now = new Date("2026-11-21T00:00:00Z");
const asked = { by: "test", requestId: "r" };

const later = (ms: number) => {
  now = new Date(now.getTime() + ms);
};

beforeAll(async () => {
  opened = await openTestDatabase();
  tokens = new Tokens({
    store: createTokenStore(opened.database),
    clock: { now: () => now },
    adminToken: "first-admin",
    metricsToken: "scraper",
  });
}, 60_000);

afterAll(async () => {
  await opened?.close();
});

describe("a token", () => {
  it("is recognised by its secret until it expires", async () => {
    const { secret } = await tokens.create({ name: "short", role: "operator", expiresInMs: 60_000 }, asked);
    later(59_999);
    expect(await tokens.identify(secret)).toEqual({ caller: { name: "short", role: "operator" } });
    later(1);
    expect(await tokens.identify(secret)).toEqual({
      refused: "The token short expired at 2026-11-21T00:01:00.000Z.",
    });
  });

  it("that lies in a file has the role that it is for", async () => {
    expect(await tokens.identify("first-admin")).toEqual({ caller: { name: "admin", role: "admin" } });
    expect(await tokens.identify("scraper")).toEqual({ caller: { name: "metrics", role: "viewer" } });
  });

  it("is not recognised by anything but its secret", async () => {
    const { secret } = await tokens.create({ name: "exact", role: "viewer", expiresInMs: null }, asked);
    for (const other of [secret.slice(0, -1), `${secret}x`, secret.toUpperCase(), "exact", "", "pst_"]) {
      expect(await tokens.identify(other)).toEqual({ refused: "This token is not known here, or was revoked." });
    }
  });

  it("is kept as a hash: its secret is nowhere in the database", async () => {
    const { secret } = await tokens.create({ name: "hidden", role: "viewer", expiresInMs: null }, asked);
    const rows = [
      ...(await opened.database.query("SELECT *, encode(secret_hash, 'escape') AS text FROM tokens")),
      ...(await opened.database.query("SELECT * FROM audit_log")),
    ];
    expect(JSON.stringify(rows)).not.toContain(secret.slice(4));
    const [{ bytes } = { bytes: 0 }] = await opened.database.query<{ bytes: number }>(
      "SELECT length(secret_hash) AS bytes FROM tokens WHERE name = 'hidden'",
    );
    expect(bytes).toBe(32);
  });

  it("remembers to the minute when it was used last", async () => {
    const { secret } = await tokens.create({ name: "used", role: "viewer", expiresInMs: null }, asked);
    const lastUsed = async () => (await tokens.list()).find(({ name }) => name === "used")?.lastUsedAt;
    expect(await lastUsed()).toBeNull();
    const first = now;
    await tokens.identify(secret);
    later(59_999);
    await tokens.identify(secret);
    expect(await lastUsed()).toEqual(first);
    later(1);
    await tokens.identify(secret);
    expect(await lastUsed()).toEqual(now);
  });

  it("has a secret of 256 bits that no other has", async () => {
    const made = await Promise.all(
      ["a", "b", "c"].map((name) => tokens.create({ name, role: "viewer", expiresInMs: null }, asked)),
    );
    for (const { secret } of made) expect(secret).toMatch(/^pst_[\w-]{43}$/);
    expect(new Set(made.map(({ secret }) => secret)).size).toBe(3);
  });
});

describe("the first admin", () => {
  it("is whoever has the secret of the file", async () => {
    expect(await tokens.identify("first-admin")).toEqual({ caller: { name: "admin", role: "admin" } });
  });
});
