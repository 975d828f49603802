import { describe, expect, it } from "vitest";
import { type ChainLink, followChain } from "../../../src/domain/reconciliation/chain.ts";

const link = (version: number, batch: number, more: Partial<ChainLink> = {}): ChainLink => ({
  version,
  kind: "batch",
  batch,
  epoch: 1,
  through: { t: { "0": String(batch * 10) } },
  ...more,
});

describe("the chain of a table's ledger", () => {
  it("holds while batches follow on each other, with ticks between them", () => {
    const links = [
      link(1, 0),
      link(2, 1),
      link(3, 1, { kind: "tick" }),
      link(4, 1, { kind: "tick", epoch: 2 }),
      link(5, 2, { epoch: 2 }),
    ];
    expect(followChain(undefined, links, true)).toEqual({
      end: { batch: 2, epoch: 2, through: { t: { "0": "20" } } },
      breaks: [],
    });
  });

  it("begins where the ledger does, and goes on from where it was followed to", () => {
    const first = followChain(undefined, [link(7, 41)], true);
    expect(first.breaks).toEqual([]);
    expect(followChain(first.end, [link(8, 42)], true).breaks).toEqual([]);
    expect(followChain(first.end, [link(8, 43)], true).breaks).toEqual([
      "batch 43 in version 8 follows on batch 41: those between have no commit",
    ]);
  });

  it("may leave batches out where not every batch makes a commit", () => {
    expect(followChain(undefined, [link(1, 0), link(2, 5)], false).breaks).toEqual([]);
    expect(followChain(undefined, [link(1, 5), link(2, 5)], false).breaks).toEqual([
      "version 2 holds batch 5 after batch 5",
    ]);
  });

  it("breaks where offsets fall or an older run has written", () => {
    const { breaks } = followChain(
      undefined,
      [link(1, 0, { epoch: 4 }), link(2, 1, { epoch: 3 }), link(3, 2, { epoch: 4, through: { t: { "0": "9" } } })],
      true,
    );
    expect(breaks).toEqual([
      "version 2 was committed by epoch 3 after epoch 4",
      "version 3 counts t partition 0 through 9, less than 10 before",
    ]);
  });

  it("names some breaks and counts the rest", () => {
    const links = Array.from({ length: 9 }, (_, version) => link(version, 0));
    const { breaks } = followChain(undefined, links, true);
    expect(breaks).toHaveLength(6);
    expect(breaks.at(-1)).toBe("and 3 more");
  });
});
