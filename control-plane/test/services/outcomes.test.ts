import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createOutcomes, type OutcomesAnswer } from "../../src/services/outcomes.ts";
import { expected, type OpenLake, openLake, SALES_TABLES } from "../fixtures/lake.ts";

const SILVER = "silver.sales_events";

let open: OpenLake;

beforeAll(async () => {
  open = await openLake();
});

afterAll(() => open.close());

describe("outcomes", () => {
  it("are counted from silver's rows, with reasons, beside bronze's", async () => {
    const silver = expected("sales/silver.sales_events").rows;
    const counted = (outcome: string) => String(silver.filter((row) => row.outcome === outcome).length);
    const answer = await createOutcomes({ snapshots: open.snapshots }).outcomes();
    expect(answer).toEqual({
      items: [
        { outcome: "accepted", records: counted("accepted"), reasons: {} },
        { outcome: "duplicate", records: counted("duplicate"), reasons: {} },
        { outcome: "late", records: counted("late"), reasons: {} },
        { outcome: "future", records: "0", reasons: {} },
        { outcome: "undecodable", records: counted("undecodable"), reasons: { BAD_MAGIC: "1", NULL_VALUE: "1" } },
        { outcome: "invalid", records: counted("invalid"), reasons: { BAD_AMOUNT: "2", NULL_REQUIRED: "1" } },
      ],
      conflicts: "0",
      records: String(silver.length),
      overridden: "0",
      distinctOffsets: String(new Set(silver.map((row) => `${row.topic}/${row.partition}/${row.offset}`)).size),
      bronzeRecords: String(expected("sales/bronze.sales_events").rows.length),
      snapshot: {
        generation: 1,
        lowWatermark: "2026-11-21T00:01:02.003Z",
        tables: { "silver.sales_events": { version: 2 }, "bronze.sales_events": { version: 2 } },
      },
    });
    expect(answer.distinctOffsets).toBe(answer.records);
  });

  it("count a record that an override let in once, as accepted", async () => {
    const own = await openLake();
    const root = own.lake.path(SALES_TABLES[SILVER]);
    const late =
      expected("sales/silver.sales_events").rows.find((row) => row.outcome === "late") ?? expect.unreachable();
    const writer = await (await DuckDBInstance.create()).connect();
    await writer.run(
      `COPY (SELECT '${late.topic}' AS topic, ${late.partition}::INTEGER AS "partition", ${late.offset}::BIGINT AS "offset", 7::BIGINT AS "override")
       TO '${join(root, "let-in.parquet")}' (FORMAT parquet)`,
    );
    const log = (version: number) => join(root, "_delta_log", `${String(version).padStart(20, "0")}.json`);
    const created =
      readFileSync(log(0), "utf8")
        .split("\n")
        .find((line) => line.includes('"metaData"')) ?? "{}";
    const { metaData } = JSON.parse(created) as { metaData: { schemaString: string } };
    const schema = JSON.parse(metaData.schemaString) as { fields: object[] };
    schema.fields.push({ name: "override", type: "long", nullable: true, metadata: {} });
    const add = {
      path: "let-in.parquet",
      partitionValues: { outcome: "accepted" },
      size: 1,
      modificationTime: 1,
      dataChange: true,
    };
    const actions = [{ metaData: { ...metaData, schemaString: JSON.stringify(schema) } }, { add }];
    writeFileSync(log(3), actions.map((action) => JSON.stringify(action)).join("\n"));
    const before = await createOutcomes({ snapshots: open.snapshots }).outcomes();
    const answer = await createOutcomes({ snapshots: own.snapshots }).outcomes();
    own.close();
    const count = ({ items }: OutcomesAnswer, outcome: string) =>
      Number(items.find((item) => item.outcome === outcome)?.records);
    expect(count(answer, "late")).toBe(count(before, "late") - 1);
    expect(count(answer, "accepted")).toBe(count(before, "accepted") + 1);
    expect([answer.records, answer.distinctOffsets, answer.overridden]).toEqual([before.records, before.records, "1"]);
  });

  it("are all nought while no table exists", async () => {
    const empty = await openLake({ "silver.sales_events": "none/a", "bronze.sales_events": "none/b" });
    const answer = await createOutcomes({ snapshots: empty.snapshots }).outcomes();
    empty.close();
    expect(answer.items.map(({ records }) => records)).toEqual(["0", "0", "0", "0", "0", "0"]);
    expect([answer.records, answer.distinctOffsets, answer.bronzeRecords]).toEqual(["0", "0", "0"]);
  });
});
