import { describe, expect, it } from "vitest";
import { batchesOf, type CheckpointFiles, inspectCheckpoint } from "../../../src/domain/checkpoint/inspection.ts";
import { describeNextStep } from "../../../src/domain/checkpoint/next-step.ts";

const METADATA = '{"id":"7d8408ea-6a0f-4c5d-9d7e-3f8f6f0f7a11"}';
const offsets = (end: number) => `v1\n{"batchTimestampMs":1}\n{"events":{"0":${end}}}`;
const log = (text: (batch: number) => string, ...batches: number[]) =>
  new Map(batches.map((batch) => [BigInt(batch), text(batch)]));
const commit = () => 'v1\n{"nextBatchWatermarkMs":0}';

function checkpoint(planned: number[], committed: number[], more: Partial<CheckpointFiles> = {}): CheckpointFiles {
  return {
    metadata: METADATA,
    offsets: log((batch) => offsets(batch * 10), ...planned),
    commits: log(commit, ...committed),
    ...more,
  };
}

function judge(files: CheckpointFiles, ledger: bigint | null = null) {
  const report = inspectCheckpoint(files, ledger);
  return { ...report, sentence: describeNextStep(report, ledger) };
}

describe("a start", () => {
  it("begins where there is no checkpoint", () => {
    const { next, damage, sentence } = judge(checkpoint([], [], { metadata: undefined }));
    expect({ next, damage }).toEqual({ next: { action: "begin" }, damage: [] });
    expect(sentence).toContain("begins with batch 0, at the earliest record");
  });

  it("is warned of where the checkpoint is gone and the table is not", () => {
    const { sentence } = judge(checkpoint([], [], { metadata: undefined }), 41n);
    expect(sentence).toContain("the table holds batches up to 41");
  });

  it("goes on after a committed batch", () => {
    const { next, inFlight, sentence } = judge(checkpoint([0, 1, 2], [0, 1, 2]), 2n);
    expect(next).toEqual({ action: "continue", batch: 2n });
    expect(inFlight).toBeNull();
    expect(sentence).toBe("A start goes on after batch 2, which is committed, at events 0:20.");
  });

  it("repeats a batch that is logged and not committed, over the same records", () => {
    const { next, inFlight, sentence, damage } = judge(checkpoint([0, 1, 2], [0, 1]), 1n);
    expect(next).toEqual({ action: "repeat", batch: 2n });
    expect(inFlight).toBe(2n);
    expect(damage).toEqual([]);
    expect(sentence).toContain(
      "repeats batch 2, which is logged and not committed, over the same records: events 0:10 up to events 0:20.",
    );
  });

  it("does not write a batch again that the table holds", () => {
    expect(judge(checkpoint([0, 1, 2], [0, 1]), 2n).sentence).toContain("the table holds it already");
  });

  it("has nothing to fear from Spark's removal of old batches, of which one log is ahead", () => {
    const { damage, offsets: planned } = judge(checkpoint([7, 8, 9], [6, 7, 8]));
    expect(damage).toEqual([]);
    expect(planned).toEqual({ newest: 9n, oldest: 7n, count: 3, gaps: [] });
  });
});

describe("damage", () => {
  const truncated = checkpoint([0, 1], [0, 1]);
  const withNewest = (text: string, committed = [0, 1]) =>
    checkpoint([], committed, { offsets: new Map([...truncated.offsets, [2n, text]]) });

  it("in the newest offsets stops a start; nothing is lost by planning the batch anew when the table does not hold it", () => {
    const { damage, next, sentence } = judge(withNewest(""), 1n);
    expect(damage).toHaveLength(1);
    expect(damage[0]).toMatchObject({ file: "offsets/2", problem: "it is empty", stopsStart: true });
    expect(damage[0]?.waysOut.join(" ")).toContain("move offsets/2 out of the checkpoint");
    expect(next.action).toBe("fail");
    expect(sentence).toContain("A start fails: offsets/2: it is empty");
  });

  it("in the newest offsets of a batch that the table holds must not be answered by planning anew", () => {
    const { damage } = judge(withNewest("v1\n{"), 2n);
    expect(damage[0]?.waysOut.join(" ")).toMatch(/never remove offsets\/2.*source\.to in the ledger entry of batch 2/);
  });

  it("in the offsets before the newest stops a start, too", () => {
    const { damage } = judge(
      checkpoint([], [0, 1], {
        offsets: new Map([
          [0n, ""],
          [1n, offsets(10)],
        ]),
      }),
    );
    expect(damage[0]).toMatchObject({ file: "offsets/0", stopsStart: true });
  });

  it("further back is history", () => {
    const { damage, next } = judge(
      checkpoint([], [2], {
        offsets: new Map([
          [0n, ""],
          [1n, offsets(10)],
          [2n, offsets(20)],
        ]),
      }),
    );
    expect(damage[0]).toMatchObject({ file: "offsets/0", stopsStart: false });
    expect(next.action).toBe("continue");
  });

  it("in the newest commit stops a start, and the batch can be repeated", () => {
    const { damage } = judge(
      checkpoint([0, 1], [], {
        commits: new Map([
          [0n, commit()],
          [1n, ""],
        ]),
      }),
      1n,
    );
    expect(damage[0]).toMatchObject({ file: "commits/1", stopsStart: true });
    expect(damage[0]?.waysOut.join(" ")).toContain("repeats batch 1");
  });

  it.each<[string, CheckpointFiles, string, boolean, RegExp]>([
    [
      "a commit without offsets",
      checkpoint([0, 1], [0, 1, 2]),
      "commits/2",
      true,
      /batch 2 is committed and its offsets are not logged/,
    ],
    ["commits of an offset log that is gone", checkpoint([], [0, 1]), "commits/1", true, /would begin anew/],
    ["a gap before the newest offsets", checkpoint([0, 2], [0]), "offsets/1", true, /missing although/],
    ["a gap further back", checkpoint([0, 2, 3], [0, 1, 2, 3]), "offsets/1", false, /missing although/],
    ["a gap among the commits", checkpoint([0, 1, 2], [0, 2]), "commits/1", false, /missing although/],
    [
      "several batches without a commit",
      checkpoint([0, 1, 2, 3], [0]),
      "commits/2",
      false,
      /takes those up to 2 for done/,
    ],
    ["no metadata", checkpoint([0], [0], { metadata: undefined }), "metadata", false, /gives the query a new id/],
    ["empty metadata", checkpoint([0], [0], { metadata: "" }), "metadata", true, /it is empty/],
  ])("is found: %s", (_, files, file, stopsStart, problem) => {
    const finding = judge(files).damage.find((one) => one.file === file);
    expect(finding).toMatchObject({ stopsStart, problem: expect.stringMatching(problem) });
    expect(finding?.waysOut.length).toBeGreaterThan(0);
  });
});

it("counts only files of batches, not those being written", () => {
  expect(batchesOf(["0", "12", ".13.8f1a.tmp", "x", ".12.crc"])).toEqual([0n, 12n]);
});
