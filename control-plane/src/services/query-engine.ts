import { Problem } from "../domain/problem.ts";

/** A value as JSON can hold it: exact decimals and integers beyond 2^53 as strings, instants as ISO-8601 UTC, bytes as base64. */
export type Value = null | boolean | number | string | Value[] | { [key: string]: Value };
export type Row = Record<string, Value>;
/** Bound to `$name`; bigint for 64-bit integers */
export type Parameters = Record<string, string | number | bigint | boolean | null>;

/** What runs SQL over the files of the lake. */
export interface QueryEngine {
  /**
   * @throws FileVanished when a file that the SQL names is gone
   * @throws QueryGivenUp when the time or memory limit is reached
   */
  query(sql: string, parameters?: Parameters): Promise<Row[]>;
}

/** A listed file was removed between resolving and reading, by VACUUM or log clean-up; a fresh snapshot does not name it. */
export class FileVanished extends Error {
  override name = "FileVanished";
}

/** A query reached its limit of time or memory: `dependency_unavailable` for who asked. */
export class QueryGivenUp extends Problem {
  constructor(detail: string, cause: unknown) {
    super(
      {
        status: 503,
        code: "dependency_unavailable",
        title: "The query was given up",
        detail,
        next: "Ask for less: a shorter range, more filters or a coarser grain.",
      },
      { cause },
    );
  }
}
