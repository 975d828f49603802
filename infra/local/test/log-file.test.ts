import { closeSync, existsSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { LogFile, lastLines } from "../src/log-file.ts";
import { temporaryStateFolder } from "./stack-folder.ts";

describe("log file", () => {
  it("keeps three old files, the newest first", () => {
    const log = new LogFile(join(temporaryStateFolder(), "logs", "kafka.log"), 4);
    for (const content of ["one\n", "two\n", "three\n", "four\n", "five\n"]) {
      const file = log.open();
      writeSync(file, content);
      closeSync(file);
      log.rotateIfLarge();
    }
    expect([1, 2, 3].map((number) => readFileSync(`${log.path}.${number}`, "utf8"))).toEqual([
      "five\n",
      "four\n",
      "three\n",
    ]);
    expect(existsSync(`${log.path}.4`)).toBe(false);
    expect(readFileSync(log.path, "utf8")).toBe("");
  });

  it("is left alone as long as it is small", () => {
    const log = new LogFile(join(temporaryStateFolder(), "kafka.log"), 1_000);
    writeFileSync(log.path, "one\n");
    log.rotateIfLarge();
    expect(readFileSync(log.path, "utf8")).toBe("one\n");
  });

  it("shows its last lines, whether or not the last one is complete", () => {
    const path = join(temporaryStateFolder(), "kafka.log");
    expect(lastLines(path, 2)).toEqual([]);
    writeFileSync(path, "one\ntwo\nthree");
    expect(lastLines(path, 2)).toEqual(["two", "three"]);
  });
});
