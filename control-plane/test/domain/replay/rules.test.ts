import { describe, expect, it } from "vitest";
import {
  leastHorizonMs,
  plannedRules,
  type RuleSources,
  ruleChanges,
  rulesOutOfReach,
} from "../../../src/domain/replay/rules.ts";

const GOLD = { plan_tier: { gold: "enterprise" } };
const TUESDAY = { from: { "0": "10" }, to: { "0": "20" } };
const parent = { windowMs: 1, allowedLatenessMs: 600_000 };

const planned = (sources: Partial<RuleSources>) =>
  plannedRules({ parent, declared: {}, requested: {}, remakesSilver: true, start: null, end: null, ...sources });

describe("the rules of a new generation", () => {
  it("are the manifest's by now where silver is made anew, and the request's on top", () => {
    const declared = { windowMs: 1, allowedLatenessMs: 900_000, allowedSkewMs: 5 };
    expect(planned({ declared, requested: { allowedSkewMs: 7 } })).toEqual({
      windowMs: 1,
      allowedLatenessMs: 900_000,
      allowedSkewMs: 7,
    });
    expect(planned({ declared, remakesSilver: false })).toEqual(parent);
  });

  it("cannot be changed for rows that are not made anew", () => {
    expect(rulesOutOfReach({ allowedLatenessMs: 1 }, false)).toEqual(["allowedLatenessMs"]);
    expect(rulesOutOfReach({ allowedLatenessMs: 1 }, true)).toEqual([]);
  });

  it("are no others where one says nothing of aliases and the other has none", () => {
    expect(ruleChanges(parent, { ...parent, aliases: {} })).toEqual([]);
    expect(ruleChanges(parent, { ...parent, aliases: GOLD })).toEqual([
      { rule: "aliases", from: {}, to: GOLD, stretch: null },
    ]);
  });

  it("are told as changes by the names of the manifest", () => {
    expect(ruleChanges(parent, { ...parent, allowedLatenessMs: 60_000, allowedSkewMs: 1_000 })).toEqual([
      { rule: "allowedLateness", from: "10m", to: "1m", stretch: null },
      { rule: "allowedSkew", from: null, to: "1s", stretch: null },
    ]);
  });
});

describe("the rules of a replay that has an end", () => {
  const longer = { allowedLatenessMs: 43_200_000 };

  it("are the live ones, but for its stretch", () => {
    const declared = { allowedLatenessMs: 600_000, aliases: GOLD, windowMs: 2 };
    const rules = planned({ declared, requested: longer, start: TUESDAY.from, end: TUESDAY.to });
    expect(rules).toEqual({ ...parent, bounded: [{ ...TUESDAY, rules: { ...longer, aliases: GOLD } }] });
    expect(ruleChanges(parent, rules)).toEqual([
      { rule: "aliases", from: {}, to: GOLD, stretch: TUESDAY },
      { rule: "allowedLateness", from: "10m", to: "12h", stretch: TUESDAY },
    ]);
  });

  it("have one dedup horizon for all records, since the state that it is for is one", () => {
    const requested = { ...longer, dedupHorizonMs: 50_000_000 };
    expect(planned({ requested, start: TUESDAY.from, end: TUESDAY.to })).toEqual({
      ...parent,
      dedupHorizonMs: 50_000_000,
      bounded: [{ ...TUESDAY, rules: longer }],
    });
  });

  it("stay in later replays, where these do not decide about the same", () => {
    const live = planned({ requested: { ...longer, aliases: GOLD }, start: TUESDAY.from, end: TUESDAY.to });
    expect(planned({ parent: live })).toEqual(live);
    // For all records: of the stretch only the other rule is left.
    const once = planned({ parent: live, requested: { aliases: {} } });
    expect(once).toEqual({ ...parent, aliases: {}, bounded: [{ ...TUESDAY, rules: longer }] });
    expect(ruleChanges(live, once)).toEqual([{ rule: "aliases", from: GOLD, to: {}, stretch: TUESDAY }]);
    expect(planned({ parent: once, requested: { allowedLatenessMs: 1 } })).toEqual({
      ...parent,
      aliases: {},
      allowedLatenessMs: 1,
    });
  });

  it("come before those of older stretches, which go where nothing is left for them to decide", () => {
    const live = planned({ requested: longer, start: TUESDAY.from, end: TUESDAY.to });
    const part = { from: { "0": "10" }, to: { "0": "15" } };
    const shorter = { allowedLatenessMs: 1 };
    expect(planned({ parent: live, requested: shorter, start: part.from, end: part.to }).bounded).toEqual([
      { ...part, rules: shorter },
      { ...TUESDAY, rules: longer },
    ]);
    const whole = { from: null, to: { "0": "20" } };
    expect(planned({ parent: live, requested: shorter, start: whole.from, end: whole.to }).bounded).toEqual([
      { ...whole, rules: shorter },
    ]);
  });

  it("are told of in each stretch by what holds in all of it, before and after", () => {
    const whole = { from: null, to: { "0": "20" } };
    const live = { ...parent, bounded: [{ ...whole, rules: longer }] };
    const undone = planned({ parent: live, requested: { allowedLatenessMs: 600_000 }, start: null, end: { "0": "9" } });
    expect(ruleChanges(live, undone)).toEqual([
      { rule: "allowedLateness", from: "12h", to: "10m", stretch: { from: null, to: { "0": "9" } } },
    ]);
    const wider = planned({ parent: live, requested: { allowedLatenessMs: 60_000 }, start: null, end: { "0": "30" } });
    expect(ruleChanges(live, wider)).toEqual([
      { rule: "allowedLateness", from: "10m", to: "1m", stretch: { from: null, to: { "0": "30" } } },
      { rule: "allowedLateness", from: "12h", to: "1m", stretch: whole },
    ]);
  });

  it("need a horizon as long as any of them lets copies lie apart", () => {
    expect(leastHorizonMs({ allowedLatenessMs: 10, allowedSkewMs: 5 })).toBe(15);
    const bounded = [
      { ...TUESDAY, rules: { allowedLatenessMs: 40 } },
      { ...TUESDAY, rules: { allowedSkewMs: 7 } },
    ];
    expect(leastHorizonMs({ allowedLatenessMs: 10, allowedSkewMs: 5, bounded })).toBe(47);
  });
});

describe("the rules of a replay that takes over what lies before its start", () => {
  const start = { "0": "10" };

  it("leave these records their own, so that a later replay judges them as they are", () => {
    const requested = { aliases: GOLD, allowedLatenessMs: 60_000 };
    const rules = planned({ parent: { ...parent, allowedSkewMs: 7 }, requested, start });
    const before = { allowedLatenessMs: 600_000, aliases: {} };
    expect(rules).toEqual({
      ...{ windowMs: 1, allowedSkewMs: 7, ...requested },
      bounded: [{ from: null, to: start, rules: before }],
    });
    expect(planned({ parent: rules }), "of a replay from the beginning").toEqual(rules);
  });

  it("end the stretches that reach beyond it, as far as the request decides from there on", () => {
    const bounded = [
      { from: { "0": "5" }, to: { "0": "20" }, rules: { allowedLatenessMs: 43_200_000, aliases: GOLD } },
      { from: { "0": "10" }, to: { "0": "15" }, rules: { allowedLatenessMs: 1 } },
    ];
    const requested = { allowedLatenessMs: 60_000 };
    expect(planned({ parent: { ...parent, bounded }, requested, start }).bounded).toEqual([
      { from: { "0": "5" }, to: { "0": "10" }, rules: { allowedLatenessMs: 43_200_000 } },
      { from: { "0": "5" }, to: { "0": "20" }, rules: { aliases: GOLD } },
      { from: null, to: start, rules: { allowedLatenessMs: 600_000 } },
    ]);
  });
});

describe("the dedup horizon of a generation with stretches", () => {
  const live = {
    ...{ allowedLatenessMs: 10, allowedSkewMs: 5, dedupHorizonMs: 80 },
    bounded: [{ ...TUESDAY, rules: { allowedLatenessMs: 50 } }],
  };
  const declared = { allowedLatenessMs: 10, allowedSkewMs: 5, dedupHorizonMs: 20 };

  it("stays in a later replay that does not ask for another one, though the manifest declares a shorter one", () => {
    expect(planned({ parent: live, declared })).toEqual(live);
  });

  it("is the manifest's again once the stretches are gone, and what the request says in any case", () => {
    const requested = { allowedLatenessMs: 10 };
    expect(planned({ parent: live, declared, requested })).toEqual(declared);
    expect(planned({ parent: live, declared, requested: { dedupHorizonMs: 30 } }).dedupHorizonMs).toBe(30);
  });
});
