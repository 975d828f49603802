import { describe, expect, it } from "vitest";
import { commitName, planReading } from "../../../src/domain/delta/log-files.ts";

const commits = (...versions: number[]) => versions.map(commitName);
const checkpoint = (version: number) => commitName(version).replace(".json", ".checkpoint.parquet");
const part = (version: number, at: number, of: number) =>
  commitName(version).replace(
    ".json",
    `.checkpoint.${String(at).padStart(10, "0")}.${String(of).padStart(10, "0")}.parquet`,
  );

describe("the way to the newest version", () => {
  it("begins with version 0 when there is no checkpoint", () => {
    expect(planReading("t", commits(0, 1, 2))).toEqual({ checkpoint: undefined, commits: [0, 1, 2] });
  });

  it("begins with the newest checkpoint", () => {
    const names = [...commits(0, 1, 2, 3, 4), checkpoint(1), checkpoint(3)];
    expect(planReading("t", names)).toEqual({ checkpoint: { version: 3, files: [checkpoint(3)] }, commits: [4] });
  });

  it("needs no commit at all when the newest version is a checkpoint", () => {
    expect(planReading("t", [checkpoint(7)])).toEqual({
      checkpoint: { version: 7, files: [checkpoint(7)] },
      commits: [],
    });
  });

  it("passes over a checkpoint that could not be read", () => {
    const names = [...commits(2, 3, 4), checkpoint(1), checkpoint(3)];
    expect(planReading("t", names, new Set([3]))?.checkpoint?.version).toBe(1);
  });

  it("takes a checkpoint of several parts when all of them are there, whatever another attempt left", () => {
    const parts = [part(5, 1, 2), part(5, 2, 2)];
    expect(planReading("t", [...parts, part(5, 1, 3), part(6, 1, 2), ...commits(5, 6)])).toEqual({
      checkpoint: { version: 5, files: parts },
      commits: [6],
    });
  });

  it("ignores checksums, compacted commits, hints and temporary files", () => {
    const names = [
      "00000000000000000000.crc",
      "00000000000000000000.00000000000000000001.compacted.json",
      "_last_checkpoint",
      ".00000000000000000002.json.tmp",
    ];
    expect(planReading("t", [...commits(0, 1), ...names])?.commits).toEqual([0, 1]);
  });

  it("does not exist for an empty log", () => {
    expect(planReading("t", ["_last_checkpoint"])).toBeUndefined();
  });

  it.each([
    [commits(1, 2), /commit 0 is missing/],
    [commits(0, 2), /commit 1 is missing/],
    [[checkpoint(3), ...commits(3, 5)], /commit 4 is missing.*checkpoint is 3/],
    [[part(5, 1, 2), ...commits(5, 6)], /commit 0 is missing/],
  ])("is refused with a gap: %j", (names, message) => {
    expect(() => planReading("t", names)).toThrow(message);
  });

  it("is refused when only a V2 checkpoint leads there", () => {
    const v2 = "00000000000000000002.checkpoint.76d40f73-e71d-4885-84a6-4b6eb9273fb6.parquet";
    expect(() => planReading("t", [v2, ...commits(2, 3)])).toThrow(/v2Checkpoint/);
    expect(() => planReading("t", [v2])).toThrow(/v2Checkpoint/);
  });
});
