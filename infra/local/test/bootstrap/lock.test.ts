import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { lockHolder, startTicks, tryLock, waitForLock } from "../../bootstrap/lock.mjs";
import { temporaryStateFolder } from "../stack-folder.ts";

const LOCK_MODULE = join(import.meta.dirname, "..", "..", "bootstrap", "lock.mjs");

/** Another process that takes the lock and keeps it until it is killed. */
async function holdElsewhere(path: string) {
  const program = `import { tryLock } from ${JSON.stringify(LOCK_MODULE)}; tryLock(${JSON.stringify(path)}); console.log("held"); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return child;
}

describe("lock", () => {
  it("is held by one process at a time, which it names", async () => {
    const path = join(temporaryStateFolder(), "lock");
    const child = await holdElsewhere(path);
    expect(tryLock(path)).toEqual({ pid: child.pid });
    child.kill("SIGKILL");
    await once(child, "exit");
  });

  it("is free again when its holder was killed", async () => {
    const path = join(temporaryStateFolder(), "lock");
    const child = await holdElsewhere(path);
    let toldOf = 0;
    const waiting = waitForLock(path, (pid) => {
      toldOf = pid;
      child.kill("SIGKILL");
    });
    const lock = await waiting;
    expect(toldOf).toBe(child.pid);
    expect(lockHolder(path)).toEqual({ pid: process.pid });
    lock.release();
    expect(existsSync(path)).toBe(false);
  });

  it("does not take another process with the same pid for its holder", () => {
    const path = join(temporaryStateFolder(), "lock");
    writeFileSync(path, `${process.pid} ${Number(startTicks(process.pid)) - 1}\n`);
    expect(lockHolder(path)).toBeNull();
    expect(tryLock(path)).toHaveProperty("release");
  });

  it("is taken over from a file that makes no sense", () => {
    const path = join(temporaryStateFolder(), "lock");
    writeFileSync(path, "");
    expect(tryLock(path)).toHaveProperty("release");
  });
});
