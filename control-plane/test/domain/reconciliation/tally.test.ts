import { describe, expect, it } from "vitest";
import { hundredths, moneyText, placesText, Tally } from "../../../src/domain/reconciliation/tally.ts";

describe("a tally", () => {
  it("adds up with what was counted before, beyond what a double holds", () => {
    const first = new Tally();
    first.add("rows.0", 9_007_199_254_740_993n);
    const next = new Tally(JSON.parse(JSON.stringify(first)));
    next.add("rows.0", 1n);
    next.add("rows.1", 5n);
    expect([next.of("rows.0"), next.of("rows.2")]).toEqual([9_007_199_254_740_994n, 0n]);
    expect(next.namesAfter("rows.")).toEqual(["0", "1"]);
  });

  it("keeps what was found apart by line", () => {
    const tally = new Tally();
    tally.found("a", "one");
    tally.found("a", "two");
    expect([tally.findingsOf("a"), tally.findingsOf("b"), tally.lines()]).toEqual([["one", "two"], [], ["a"]]);
  });
});

describe("amounts and places", () => {
  it.each(["0.00", "0.05", "-0.05", "-7.35", "90071992547409931234.56"])("keep every cent: %s", (text) => {
    expect(moneyText(hundredths(text))).toBe(text);
  });

  it("are named by partition, a run as its ends, and not without end", () => {
    const place = (partition: number, first: bigint, last = first) => ({ partition, first, last });
    expect(placesText([place(0, 7n)])).toBe("partition 0: offset 7");
    expect(placesText([place(0, 7n), place(0, 10n, 12n), place(2, 1n)])).toBe(
      "partition 0: offsets 7, 10-12; partition 2: offset 1",
    );
    expect(placesText(Array.from({ length: 11 }, (_, at) => place(0, BigInt(at * 2))))).toMatch(/18; and more$/);
  });
});
