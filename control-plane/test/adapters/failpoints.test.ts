import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createFailpoints } from "../../src/adapters/failpoints.ts";

const folder = mkdtempSync(join(tmpdir(), "penstock-failpoints-"));
const module = new URL("../../src/adapters/failpoints.ts", import.meta.url).href;

afterAll(() => rmSync(folder, { recursive: true }));

async function passThrough(name: string): Promise<string | number | null> {
  const program = `const { createFailpoints } = await import(${JSON.stringify(module)});
    createFailpoints(${JSON.stringify(folder)})(${JSON.stringify(name)});`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: "inherit" });
  return await new Promise((resolve) => child.once("exit", (code, signal) => resolve(signal ?? code)));
}

describe("a failpoint", () => {
  it("that nobody armed is passed", async () => {
    expect(await passThrough("run-opened")).toBe(0);
    expect(() => createFailpoints(null)("run-opened")).not.toThrow();
  });

  it("that is armed kills the process once", async () => {
    writeFileSync(join(folder, "run-opened"), "");
    expect(await passThrough("run-closed")).toBe(0);
    expect(await passThrough("run-opened")).toBe("SIGKILL");
    expect(existsSync(join(folder, "run-opened"))).toBe(false);
    expect(await passThrough("run-opened")).toBe(0);
  });
});
