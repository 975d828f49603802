import { relative } from "node:path";
import { invalidRequest } from "../../domain/problem.ts";
import { type AskedLimits, readLimits, type SqlLimitSettings, type SqlLimits } from "../../domain/sql/limits.ts";
import { shownType } from "../../domain/sql/views.ts";
import type { Generations, Snapshots } from "../snapshots.ts";
import { inReadingOrder, type LaidOutView, type Layout, layOut } from "./layout.ts";
import { SqlFailure, type SqlFormat, type SqlParameters, type SqlResult, type SqlWorkers } from "./ports.ts";
import { problemOf } from "./problems.ts";

export interface SqlRequest {
  sql: string;
  params?: SqlParameters | undefined;
  format: SqlFormat;
  /** cut a result at its limits instead of refusing it; what JSON does unless told otherwise */
  truncate?: boolean | undefined;
  limits?: AskedLimits | undefined;
}

export interface SqlAnswer extends SqlResult {
  snapshot: Layout["stamp"];
}

export interface SqlSchema {
  views: Omit<LaidOutView, "sql">[];
  limits: SqlLimitSettings;
  snapshot: Layout["stamp"];
}

/** Read-only SQL over one snapshot of all tables. */
export interface SqlQueries {
  /**
   * @param gone aborted when nobody waits for the answer any more
   * @throws Problem `invalid_sql`, `refused_sql`, `query_timeout`, `query_out_of_memory`, `query_crashed`, `result_too_large`, `too_many_queries`, `invalid_request`
   */
  run(request: SqlRequest, gone: AbortSignal): Promise<SqlAnswer>;
  /** What can be asked. */
  schema(): Promise<SqlSchema>;
}

export interface SqlParts {
  snapshots: Snapshots;
  generations: Generations;
  workers: SqlWorkers;
  /** the folder that workers read below */
  lakeDir: string;
  limits: SqlLimitSettings;
}

/** `createSqlQueries({ snapshots, generations, workers: createSqlWorkers(…), lakeDir, limits })` */
export function createSqlQueries(parts: SqlParts): SqlQueries {
  const { snapshots, generations, workers, lakeDir } = parts;

  async function read<T>(use: (layout: Layout) => Promise<T>): Promise<T> {
    const tables = inReadingOrder(Object.keys((await generations.live()).paths));
    return snapshots.read(tables, async (set) => {
      const folders = tables.map((table) => [table, relative(lakeDir, set.root(table))]);
      return use(await layOut(set, Object.fromEntries(folders)));
    });
  }

  return {
    async run({ sql, params = [], format, truncate = format === "json", limits: asked = {} }, gone) {
      const limits = readLimits(asked, parts.limits);
      if (Array.isArray(limits)) throw invalidRequest(limits);
      try {
        return await read(async ({ views, files, stamp }) => ({
          ...(await workers.run({ sql, params, views, files, format, limits, truncate }, gone)),
          snapshot: stamp,
        }));
      } catch (error) {
        throw error instanceof SqlFailure ? problemOf(error, sql, limits as SqlLimits) : error;
      }
    },
    schema: () =>
      read(async ({ views, stamp }) => ({
        views: views.map(({ name, description, exists, columns }) => ({
          name,
          description,
          exists,
          columns: columns.map((column) => ({ ...column, type: shownType(column.type) })),
        })),
        limits: parts.limits,
        snapshot: stamp,
      })),
  };
}
