import { describe, expect, it } from "vitest";
import { fromCents, toCents } from "../../../src/domain/revenue/amount.ts";
import { historyOf, type SummingUp, type UpdatePart } from "../../../src/domain/revenue/history.ts";
import { whyRefused } from "../../../src/domain/revenue/refusal.ts";

const part = (batch: number, windowEnd: bigint, amount: string, events = 1n): UpdatePart => ({
  ...{ batch, windowEnd, cents: toCents(amount), events },
});
const final = (batch: number, finalThrough: bigint): SummingUp => ({
  ...{ batch, finalThrough, lowWatermark: `mark ${batch}`, at: `final ${batch}`, version: batch },
});
const at = (batch: number) => `batch ${batch}`;
const EUR = { end: 10n, currency: "EUR" };

describe("the history of a figure", () => {
  it("tells each batch, the moment it became final, and the revision that what came late made", () => {
    const parts = [part(1, 10n, "10.10", 2n), part(3, 10n, "-0.10"), part(6, 10n, "5.00"), part(7, 10n, "1.00", 2n)];
    const finals = [final(0, 5n), final(4, 10n), final(8, 20n)];
    const { changes, shown, pending } = historyOf(EUR, parts, finals, at);
    expect(changes.map(({ text }) => text)).toEqual([
      "At batch 1 batch 1 counted 2 events worth 10.10 EUR: the first ones of this figure.",
      "At batch 3 batch 3 counted 1 more event worth -0.10 EUR: 10.10 EUR became 10.00 EUR.",
      "At final 4 it became final at 10.00 EUR: everything appended before mark 4 had been read.",
      "At final 8 batches 6 and 7 had counted 3 more events worth 6.00 EUR after the window was final; this was summed up: 10.00 EUR became 16.00 EUR, revision 2.",
    ]);
    expect(changes.map(({ kind, status, revision, revenue }) => [kind, status, revision, revenue])).toEqual([
      ["counted", "provisional", null, "10.10"],
      ["counted", "provisional", null, "10.00"],
      ["final", "final", 1, "10.00"],
      ["revised", "final", 2, "16.00"],
    ]);
    expect([fromCents(shown.cents), shown.events, pending]).toEqual(["16.00", 6n, { cents: 0n, events: 0n }]);
  });

  it("keeps apart what has been counted in a final window and is not summed up yet", () => {
    const { changes, shown, pending } = historyOf(
      EUR,
      [part(1, 10n, "2.00"), part(6, 10n, "5.00")],
      [final(4, 10n)],
      at,
    );
    expect(changes.map(({ kind }) => kind)).toEqual(["counted", "final"]);
    expect([shown.cents, pending]).toEqual([200n, { cents: 500n, events: 1n }]);
  });

  it("of a figure without an event until its window was final begins with revision 1", () => {
    const { changes } = historyOf(EUR, [part(6, 10n, "5.00")], [final(4, 10n), final(6, 10n)], at);
    expect(changes).toMatchObject([
      { kind: "revised", at: "final 6", status: "final", revision: 1, revenue: "5.00", difference: "5.00" },
    ]);
    expect(changes[0]?.text).toContain("the first ones of this figure, revision 1");
  });

  it("of a coarser figure is final when all of its windows are, and shows revisions of some before that", () => {
    const day = { end: 30n, currency: "USD" };
    const parts = [part(1, 10n, "1.00"), part(2, 20n, "2.00"), part(3, 10n, "4.00"), part(5, 30n, "8.00")];
    const finals = [final(2, 10n), final(3, 10n), final(6, 30n)];
    const { changes } = historyOf(day, parts, finals, at);
    expect(changes.map(({ kind, revenue, status, revision }) => [kind, revenue, status, revision])).toEqual([
      ["counted", "1.00", "provisional", null],
      ["counted", "3.00", "provisional", null],
      ["revised", "7.00", "provisional", null],
      ["counted", "15.00", "provisional", null],
      ["final", "15.00", "final", 2],
    ]);
  });

  it("says so where the ledger does not know a batch any more, and is empty without events", () => {
    const { changes } = historyOf(EUR, [part(1, 10n, "1.00")], [], () => null);
    expect(changes[0]).toMatchObject({
      at: null,
      text: expect.stringMatching(/^At a time that the ledger does not know/),
    });
    expect(historyOf(EUR, [], [final(4, 10n)], at).changes).toEqual([]);
  });
});

describe("amounts", () => {
  it.each(["0.00", "0.01", "-0.01", "-7.35", "90071992547409931234.56", `-${"9".repeat(36)}.99`])(
    "are exact: %s",
    (text) => {
      expect(fromCents(toCents(text))).toBe(text);
    },
  );
});

describe("why a record was refused", () => {
  const rules = { allowedLatenessMs: 600_000, allowedSkewMs: 300_000 };
  const record = { outcome: "late", reasons: null, eventTime: 0n, appendedAt: 600_000_001n };

  it.each([
    [record, "It was appended 10m0.000001s after it happened; 10m are allowed."],
    [{ ...record, appendedAt: 7_262_500_000n }, "It was appended 2h1m2.5s after it happened; 10m are allowed."],
    [
      { ...record, outcome: "future", eventTime: 900_001_001n },
      "It happened 5m0.001s after it was appended; 5m are allowed.",
    ],
    [{ ...record, outcome: "duplicate" }, "A record with the same event_id had been accepted before it."],
    [
      { ...record, outcome: "invalid", reasons: ["BAD_AMOUNT", "NEW_RULE"] },
      "It is invalid: its amount is no amount, does not fit into 18 digits, or has the wrong sign for its event type; NEW_RULE.",
    ],
  ])("is a sentence: %#", (refused, text) => {
    expect(whyRefused(refused, rules)).toBe(text);
  });
});
