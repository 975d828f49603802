import { describe, expect, it } from "vitest";
import type { Snapshot } from "../../src/domain/delta/snapshot.ts";
import { extend } from "../../src/domain/delta/snapshot.ts";
import { Remembered } from "../../src/services/remembered.ts";
import type { SnapshotSet } from "../../src/services/snapshots.ts";

const schemaString = JSON.stringify({
  type: "struct",
  fields: [{ name: "n", type: "long", nullable: true, metadata: {} }],
});
const metaData = { id: "t", schemaString, partitionColumns: [], configuration: {} };
const begin = [{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, { metaData }];
const add = (path: string) => ({ add: { path, partitionValues: {}, size: 1 } });
const first = extend("t", undefined, [{ version: 0, actions: [...begin, add("a")] as never }]);
const step = (before: Snapshot, ...actions: object[]) =>
  extend("t", before, [{ version: before.version + 1, actions: actions as never }]);
const holding = (snapshot: Snapshot | undefined) =>
  ({ snapshot: () => snapshot }) as Partial<SnapshotSet> as SnapshotSet;

describe("an answer that is remembered", () => {
  const asked = (remembered: Remembered<number>, snapshot: Snapshot | undefined, beside: unknown[] = []) => {
    let made = false;
    const make = async () => {
      made = true;
      return 1;
    };
    return remembered.get(holding(snapshot), ["t"], beside, make).then(() => made);
  };

  it("is made once for all versions of a table that have the same files", async () => {
    const remembered = new Remembered<number>();
    const idle = step(first, { commitInfo: {} });
    const more = step(idle, add("b"));
    const fewer = step(more, { remove: { path: "b" } });
    expect(await asked(remembered, first)).toBe(true);
    expect([idle.version, await asked(remembered, idle)]).toEqual([1, false]);
    expect([...more.files.keys(), await asked(remembered, more)]).toEqual(["a", "b", true]);
    expect([...fewer.files.keys(), await asked(remembered, fewer)]).toEqual(["a", true]);
    expect([...idle.files.keys()], "no version changes another one").toEqual(["a"]);
  });

  it("is made anew where the columns, or what it depends on beside, have changed, and once there is a table", async () => {
    const remembered = new Remembered<number>();
    expect([await asked(remembered, undefined), await asked(remembered, undefined)]).toEqual([true, false]);
    expect(await asked(remembered, first)).toBe(true);
    expect(await asked(remembered, step(first, { metaData }))).toBe(true);
    expect([await asked(remembered, first, ["7"]), await asked(remembered, first, ["8"])]).toEqual([true, true]);
  });

  it("is made again when making it failed, and once for all who ask meanwhile", async () => {
    const remembered = new Remembered<number>();
    const fails = () => Promise.reject(new Error("the files are gone"));
    await expect(remembered.get(holding(first), ["t"], [], fails)).rejects.toThrow("the files are gone");
    expect(await Promise.all([asked(remembered, first), asked(remembered, first)])).toEqual([true, false]);
  });
});
