import { describe, expect, it } from "vitest";
import { scopeOf, tablesOf } from "../../../src/domain/replay/scope.ts";

const JOBS = {
  "sales.bronze": { reads: [], writes: ["bronze"] },
  "sales.dq": { reads: ["silver"], writes: ["dq.metrics"] },
  "sales.gold": { reads: ["silver"], writes: ["gold.updates", "gold.final"] },
  "sales.report": { reads: ["gold.final", "dq.metrics"], writes: ["report"] },
  "sales.silver": { reads: ["bronze"], writes: ["silver"] },
};
const TABLES = Object.values(JOBS).flatMap(({ writes }) => writes);

describe("the scope of a replay", () => {
  it("is the job and everything downstream of it, each after those that it reads from", () => {
    expect(scopeOf("sales.silver", JOBS, TABLES)).toEqual({
      jobs: ["sales.silver", "sales.dq", "sales.gold", "sales.report"],
      rebuilt: ["silver", "dq.metrics", "gold.updates", "gold.final", "report"],
      shared: ["bronze"],
    });
    expect(scopeOf("sales.bronze", JOBS, TABLES).shared).toEqual([]);
    expect(scopeOf("sales.report", JOBS, TABLES).jobs).toEqual(["sales.report"]);
  });

  it("ends where jobs read each other's tables", () => {
    const circle = { a: { reads: ["y"], writes: ["x"] }, b: { reads: ["x"], writes: ["y"] } };
    expect(scopeOf("a", circle, ["x", "y"]).jobs.toSorted()).toEqual(["a", "b"]);
  });

  it("gives what is made anew a place of its own, and leaves the rest where it is", () => {
    const parent = Object.fromEntries(TABLES.map((table) => [table, `gen=1/${table}`]));
    expect(tablesOf(3, parent, scopeOf("sales.gold", JOBS, TABLES))).toEqual({
      ...parent,
      "gold.updates": "gen=3/gold.updates",
      "gold.final": "gen=3/gold.final",
      report: "gen=3/report",
    });
  });
});
