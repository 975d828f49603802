import { relationSql } from "../../domain/delta/relation.ts";
import { identifier } from "../../domain/delta/schema.ts";
import { goldSql } from "../../domain/sql/gold-view.ts";
import { columnsOf, emptyViewSql, VIEWS, type View, type ViewColumn, viewOfTable } from "../../domain/sql/views.ts";
import { FINAL, finality, UPDATES } from "../revenue/position.ts";
import type { SnapshotSet, SnapshotStamp } from "../snapshots.ts";

/** A view as it stands on one snapshot. */
export interface LaidOutView {
  name: string;
  description: string;
  columns: ViewColumn[];
  /** whether each of its tables is there already */
  exists: boolean;
  sql: string;
}

/** The views over one snapshot of all tables, and the files that they read. */
export interface Layout {
  views: LaidOutView[];
  /** all that the views read */
  files: string[];
  stamp: SnapshotStamp & { finalThrough: string | null };
}

/** Against the flow of data, so that what a table was made from is at least as new as the table. */
const FIRST = [FINAL, UPDATES];
const LAST = ["silver.sales_events", "bronze.sales_events"];

/** Tables of a generation in the order in which to resolve them. */
export function inReadingOrder(tables: readonly string[]): string[] {
  const has = (table: string) => tables.includes(table);
  const others = tables.filter((table) => !FIRST.includes(table) && !LAST.includes(table));
  return [...FIRST.filter(has), ...others.sort(), ...LAST.filter(has)];
}

/** @param folders of the tables, relative to the lake */
export async function layOut(set: SnapshotSet, folders: Readonly<Record<string, string>>): Promise<Layout> {
  const tables = Object.keys(folders);
  const declared = new Set(VIEWS.flatMap((view) => view.tables));
  const others = tables.filter((table) => !declared.has(table) && set.snapshot(table) !== undefined).map(viewOfTable);
  const finalThrough = tables.includes(FINAL) ? await finality(set) : null;
  const views = [...VIEWS, ...others].map((view) => {
    const sql = view.derived ? goldSql(finalThrough) : undefined;
    return layOutView(view, set, folders, sql);
  });
  // A view can stand on others only once they are there.
  const derived = new Set(VIEWS.filter((view) => view.derived).map(({ name }) => name));
  return {
    views: [...views.filter(({ name }) => !derived.has(name)), ...views.filter(({ name }) => derived.has(name))],
    files: tables.flatMap((table) =>
      [...(set.snapshot(table)?.files.values() ?? [])].map(({ path }) => `${folders[table]}/${path}`),
    ),
    stamp: { ...set.stamp(UPDATES), finalThrough },
  };
}

function layOutView(
  view: View,
  set: SnapshotSet,
  folders: Readonly<Record<string, string>>,
  derivedSql: string | undefined,
): LaidOutView {
  const { name, description, tables, outcomes } = view;
  const table = tables[0] as string;
  const snapshot = set.snapshot(table);
  const columns = columnsOf(view, snapshot?.columns);
  const exists = tables.every((one) => set.snapshot(one) !== undefined);
  const laidOut = { name, description, columns, exists };
  if (derivedSql !== undefined) return { ...laidOut, sql: derivedSql };
  if (snapshot === undefined) return { ...laidOut, sql: emptyViewSql(columns) };
  const present = columns.map((column) => column.name).filter((column) => isThere(column));
  const relation = relationSql(snapshot, folders[table] as string, present, ({ outcome }) => isWanted(outcome));
  const selected = columns.map((column) =>
    isThere(column.name) ? identifier(column.name) : `NULL::${column.type} AS ${identifier(column.name)}`,
  );
  return { ...laidOut, sql: `SELECT ${selected.join(", ")} FROM ${relation}` };

  function isThere(column: string): boolean {
    return snapshot?.columns.some((one) => one.name === column) === true;
  }

  /** Silver is partitioned by outcome: what a view leaves out need not be opened. */
  function isWanted(outcome: string | null | undefined): boolean {
    return outcomes === undefined || (outcome === "accepted") === (outcomes === "accepted");
  }
}
