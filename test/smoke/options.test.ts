import { describe, expect, test } from "vitest";
import { readSmokeOptions, repeatable, type SmokeOptions } from "./options.ts";

function read(...args: string[]): SmokeOptions {
  const options = readSmokeOptions(args);
  if (options === "help") throw new Error("asked for help");
  return options;
}

describe("options of the smoke test", () => {
  test("choose the pipeline by the mix, and spread nasty events over two hours", () => {
    expect(read()).toMatchObject({ events: 50_000, kills: 0, nasty: undefined });
    expect(read().manifest).toContain("pipelines/sales/pipeline.yaml");
    const { manifest, nasty } = read("--mix", "nasty", "--count", "7200", "--start", "2026-11-21T10:00:00Z");
    expect(manifest).toBe("test/pipelines/sales-createtime.yaml");
    expect(nasty).toEqual({ start: new Date("2026-11-21T10:00:00Z"), pace: 1 });
  });

  test("can be given again to have the same events and kills", () => {
    const once = read("--mix", "nasty", "--kills", "3");
    expect(read(...repeatable(once).split(" "))).toEqual(once);
  });

  test.each([
    [["--mix", "nasty", "--count", "1999"], "--count: nasty events need at least 2000"],
    [["--crossed", "--kills", "1"], "--crossed and --start need --mix nasty"],
    [["--start", "2026-11-21T10:00:00Z"], "--crossed and --start need --mix nasty"],
    [["--mix", "nasty", "--crossed"], "--crossed needs --kills above 0"],
    [["--kills", "-1"], "--kills"],
  ])("%j are answered with what was expected", (args, message) => {
    expect(() => read(...args)).toThrow(message);
  });
});
