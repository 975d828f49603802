import { statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadSecrets } from "../src/secrets.ts";
import { temporaryStateFolder } from "./stack-folder.ts";

describe("secrets", () => {
  it("are made once, long enough for a signing key, and readable by their owner only", () => {
    const stateDir = temporaryStateFolder();
    const secrets = loadSecrets(stateDir);
    expect(loadSecrets(stateDir)).toEqual(secrets);
    expect(Buffer.from(secrets.sparkRestSecret, "base64url")).toHaveLength(32);
    expect(statSync(join(stateDir, "secrets")).mode & 0o077).toBe(0);
    expect(statSync(secrets.sparkRestSecretFile).mode & 0o077).toBe(0);
    expect(secrets.adminToken).toMatch(/^pst_[\w-]{43}$/);
    expect(statSync(secrets.adminTokenFile).mode & 0o077).toBe(0);
    expect(statSync(secrets.runnerTokenFile).mode & 0o077).toBe(0);
  });
});
