import { describe, expect, it } from "vitest";
import type { Action } from "../../../src/domain/delta/actions.ts";
import { relationSql } from "../../../src/domain/delta/relation.ts";
import { extend } from "../../../src/domain/delta/snapshot.ts";

const schemaString = JSON.stringify({
  type: "struct",
  fields: [
    { name: "id", type: "long" },
    { name: "day", type: "date" },
  ],
});
const begin: Action[] = [
  { protocol: { minReaderVersion: 1 } },
  { metaData: { id: "t", schemaString, partitionColumns: ["day"], configuration: {} } },
];
const add = (path: string, day: string | null = null): Action => ({ add: { path, partitionValues: { day }, size: 1 } });

describe("a snapshot", () => {
  it("decodes paths once: a percent sign that belongs to the name stays", () => {
    const snapshot = extend("t", undefined, [{ version: 0, actions: [...begin, add("day=a%2525b/x%20y.parquet")] }]);
    expect([...snapshot.files.values()].map(({ path }) => path)).toEqual(["day=a%25b/x y.parquet"]);
  });

  it("leaves the one before untouched when it is extended", () => {
    const first = extend("t", undefined, [{ version: 0, actions: [...begin, add("a"), add("b")] }]);
    const second = extend("t", first, [{ version: 1, actions: [{ remove: { path: "a" } }, add("c")] }]);
    expect([...first.files.keys()]).toEqual(["a", "b"]);
    expect([...second.files.keys()]).toEqual(["b", "c"]);
  });

  it("keeps its files over a commit that only changes the table's properties, and takes over a changed schema", () => {
    const takeover: Action = {
      metaData: {
        id: "t",
        schemaString: schemaString.replace("id", "key"),
        partitionColumns: ["day"],
        configuration: { "penstock.epoch.sales.gold": "2" },
      },
    };
    const first = extend("t", undefined, [{ version: 0, actions: [...begin, add("a")] }]);
    const second = extend("t", first, [
      { version: 1, actions: [takeover] },
      { version: 2, actions: [add("b")] },
    ]);
    expect([...second.files.keys()]).toEqual(["a", "b"]);
    expect(second.columns.map(({ name }) => name)).toEqual(["key", "day"]);
    const checkpoint = extend("t", undefined, [{ version: 2, actions: [...begin, takeover, add("a"), add("b")] }]);
    expect(checkpoint.columns).toEqual(second.columns);
  });

  it("cannot be extended by a commit that does not follow", () => {
    const first = extend("t", undefined, [{ version: 0, actions: begin }]);
    expect(() => extend("t", first, [{ version: 2, actions: [add("a")] }])).toThrow(
      /version 2 does not follow on version 0/,
    );
  });

  it.each([
    ["a path out of the table", add("../other/a.parquet"), /leads out of the table/],
    ["an encoded path out of the table", add("%2E%2E/other/a.parquet"), /leads out of the table/],
    ["an absolute path", add("/other/a.parquet"), /files outside of the table/],
    ["a URI", add("file:/other/a.parquet"), /files outside of the table/],
    ["a path that is not encoded", add("a%zz.parquet"), /is not URI-encoded/],
    [
      "a deletion vector",
      { add: { path: "a", partitionValues: {}, size: 1, deletionVector: { storageType: "u" } } },
      /deletionVectors/,
    ],
    [
      "an unknown reader feature",
      { protocol: { minReaderVersion: 3, readerFeatures: ["timestampNtz", "variantType"] } },
      /variantType/,
    ],
    ["a reader version of the future", { protocol: { minReaderVersion: 4 } }, /reader version 4/],
    ["a checkpoint in parts of its own", { sidecar: { path: "x" } }, /v2Checkpoint/],
    [
      "a type that is not implemented",
      {
        metaData: {
          id: "t",
          schemaString: schemaString.replace("long", "variant"),
          partitionColumns: [],
          configuration: {},
        },
      },
      /type variant/,
    ],
  ] as [string, Action, RegExp][])("refuses %s", (_, action, message) => {
    expect(() => extend("t", undefined, [{ version: 0, actions: [...begin, action] }])).toThrow(message);
  });

  it("needs protocol and schema", () => {
    expect(() => extend("t", undefined, [{ version: 0, actions: [add("a")] }])).toThrow(
      /neither checkpoint nor commits/,
    );
  });
});

describe("the SQL of a snapshot", () => {
  const snapshot = extend("t", undefined, [
    {
      version: 0,
      actions: [
        ...begin,
        add("day=1/it's.parquet", "2026-11-21"),
        add("day=2/b.parquet", "2026-11-22"),
        add("day=n/c.parquet"),
      ],
    },
  ]);

  it("names every live file, quoted, and no pattern", () => {
    const sql = relationSql(snapshot, "/lake/t", ["id"]);
    expect(sql).toContain("['/lake/t/day=1/it''s.parquet', '/lake/t/day=2/b.parquet', '/lake/t/day=n/c.parquet']");
  });

  it("leaves out files whose partition is not kept", () => {
    const sql = relationSql(snapshot, "/lake/t", ["id"], ({ day }) => day === "2026-11-22");
    expect(sql).toContain("['/lake/t/day=2/b.parquet']");
  });

  it("takes partition values from the log", () => {
    const sql = relationSql(snapshot, "/lake/t", ["id", "day"]);
    expect(sql).toContain(`'2026-11-21'::DATE AS "day"`);
    expect(sql).toContain(`NULL::DATE AS "day"`);
  });
});
