import { formatDuration } from "../../domain/duration.ts";
import { dependencyUnavailable, invalidRequest, Problem } from "../../domain/problem.ts";
import { formatSize } from "../../domain/size.ts";
import type { SqlLimits } from "../../domain/sql/limits.ts";
import type { SqlFailure } from "./ports.ts";

const VIEWS = "GET /v1/sql/schema lists the views and their columns.";
const LESS = "Ask for less: more filters, fewer columns, sums instead of rows.";

/** Says in the words of the API what came of a statement that has no result. */
export function problemOf(failure: SqlFailure, sql: string, limits: SqlLimits): Problem {
  const { kind, message, position, field = "params" } = failure.fault;
  const options = { cause: failure };
  switch (kind) {
    case "invalid": {
      const place = position === undefined ? undefined : placeOf(sql, position);
      const where = place === undefined ? "" : ` (line ${place.line}, column ${place.column})`;
      return new Problem(
        {
          status: 400,
          code: "invalid_sql",
          title: "The SQL cannot be run",
          detail: `${message}${where}`,
          next: VIEWS,
          ...(place === undefined ? {} : { position: place }),
        },
        options,
      );
    }
    case "refused":
      return new Problem(
        {
          status: 403,
          code: "refused_sql",
          title: "This is not done here",
          detail: message,
          next: `Write one SELECT over the views. ${VIEWS}`,
        },
        options,
      );
    case "parameters":
      return invalidRequest([{ field: `body.${field}`, expected: message }]);
    case "time":
      return tooMuch("query_timeout", `It took longer than ${formatDuration(limits.timeoutMs)}.`, options);
    case "memory":
      return tooMuch("query_out_of_memory", `It needs more than ${formatSize(limits.memoryBytes)} of memory.`, options);
    case "crashed":
      return tooMuch("query_crashed", "The process that ran it died of it, most likely for want of memory.", options);
    case "large":
      return tooMuch("result_too_large", message, options, `${LESS} Or set "truncate" to true to have it cut.`);
    case "busy":
      return new Problem(
        {
          status: 503,
          code: "too_many_queries",
          title: "Too many queries at once",
          detail: message,
          next: "Try again in a moment; Retry-After says when.",
        },
        options,
      );
    case "gone":
      return new Problem(
        { status: 400, code: "invalid_request", title: "The client has gone", detail: message },
        options,
      );
    default:
      return dependencyUnavailable("the lake", message, failure);
  }
}

function tooMuch(
  code: "query_timeout" | "query_out_of_memory" | "query_crashed" | "result_too_large",
  detail: string,
  options: ErrorOptions,
  next = LESS,
): Problem {
  return new Problem({ status: 422, code, title: "The query was given up", detail, next }, options);
}

/** Line and column, both from 1, of the character that so many bytes of UTF-8 precede. */
function placeOf(sql: string, bytes: number): { line: number; column: number } {
  const before = Buffer.from(sql).subarray(0, bytes).toString();
  const lines = before.split("\n");
  return { line: lines.length, column: [...(lines.at(-1) ?? "")].length + 1 };
}
