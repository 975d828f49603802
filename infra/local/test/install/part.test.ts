import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { installPart, isInstalled, type Part } from "../../src/install/part.ts";
import { readSettings } from "../../src/settings.ts";
import { temporaryStateFolder } from "../stack-folder.ts";

function setUp(lock: string, install: Part["install"] = async (folder) => writeFileSync(join(folder, "jar"), lock)) {
  const dir = temporaryStateFolder();
  const { runtime } = readSettings({ PENSTOCK_RUNTIME_DIR: dir });
  const part: Part = {
    name: "broker",
    title: "Kafka broker",
    target: join(dir, "broker"),
    lock: () => [lock],
    install,
  };
  return { runtime, part, context: { runtime, progress: () => {} } };
}

describe("install part", () => {
  it("counts as installed once it is, until its lock changes", async () => {
    const { runtime, part, context } = setUp("1.0");
    expect(isInstalled(runtime, part)).toBe(false);
    await installPart(part, context);
    expect(isInstalled(runtime, part)).toBe(true);
    expect(isInstalled(runtime, { ...part, lock: () => ["2.0"] })).toBe(false);
  });

  it("replaces what was there as a whole", async () => {
    const { part, context } = setUp("1.0");
    await installPart(part, context);
    const next: Part = {
      ...part,
      lock: () => ["2.0"],
      install: async (folder) => writeFileSync(join(folder, "other"), ""),
    };
    await installPart(next, context);
    expect(existsSync(join(part.target, "jar"))).toBe(false);
    expect(existsSync(join(part.target, "other"))).toBe(true);
  });

  it("does not count when it was interrupted, and is repaired by the next run", async () => {
    let interrupted = true;
    const { runtime, part, context } = setUp("1.0", async (folder) => {
      writeFileSync(join(folder, interrupted ? "half" : "whole"), "");
      if (interrupted) throw new Error("connection lost");
    });
    await expect(installPart(part, context)).rejects.toThrow("connection lost");
    expect(isInstalled(runtime, part)).toBe(false);
    interrupted = false;
    await installPart(part, context);
    expect(isInstalled(runtime, part)).toBe(true);
    expect(existsSync(join(part.target, "half"))).toBe(false);
  });

  it("keeps what is there while a new version cannot be installed, but asks for it again", async () => {
    const { runtime, part, context } = setUp("1.0");
    await installPart(part, context);
    const failing: Part = { ...part, lock: () => ["2.0"], install: () => Promise.reject(new Error("no network")) };
    await expect(installPart(failing, context)).rejects.toThrow("no network");
    expect(readFileSync(join(part.target, "jar"), "utf8")).toBe("1.0");
    expect(isInstalled(runtime, failing)).toBe(false);
  });
});
