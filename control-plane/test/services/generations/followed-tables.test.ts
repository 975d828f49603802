import { describe, expect, it } from "vitest";
import { followedTables } from "../../../src/services/generations/followed-tables.ts";

const [BRONZE, GOLD] = ["bronze.sales_events", "gold.revenue_5m"];

/** Generation 1 is kept, 2 is live, 3 a shadow, 4 was given up. */
const generation = (number: number) => ({
  ...{ pipeline: "sales", number, live: number === 2, isGone: number === 4 },
  ...{ replay: null, rules: {}, start: null, inherits: null, held: null },
  tables: { [BRONZE]: "gen=1/bronze.sales_events", [GOLD]: `gen=${number}/gold.revenue_5m` },
});

describe("the tables whose ledger is followed", () => {
  it("are those of every generation whose files are there, a shared one once, and say where they are not live", async () => {
    const catalog = { generations: async () => [1, 2, 3, 4].map(generation) };
    expect(await followedTables(catalog, "sales", "/lake")).toEqual([
      { table: BRONZE, label: BRONZE, root: "/lake/gen=1/bronze.sales_events" },
      { table: GOLD, label: `${GOLD}@1`, root: "/lake/gen=1/gold.revenue_5m" },
      { table: GOLD, label: GOLD, root: "/lake/gen=2/gold.revenue_5m" },
      { table: GOLD, label: `${GOLD}@3`, root: "/lake/gen=3/gold.revenue_5m" },
    ]);
  });
});
