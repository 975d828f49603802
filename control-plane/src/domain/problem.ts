/**
 * Everything that goes wrong in a way a user should understand is a Problem; the API turns it into RFC 9457
 * `application/problem+json`, whatever else is thrown becomes a 500 without details.
 */

/** Stable codes, one per kind of problem; clients may switch on them. */
export type ProblemCode =
  | "invalid_request"
  | "unknown_job"
  | "unknown_application"
  | "unknown_operation"
  | "unknown_run"
  | "unknown_token"
  | "unknown_topic"
  | "unknown_subject"
  | "unknown_launch"
  | "unknown_resource"
  | "log_gone"
  | "method_not_allowed"
  | "conflict"
  | "kills_other_jobs"
  | "precondition_required"
  | "stale_revision"
  | "needs_new_generation"
  | "does_not_fit"
  | "launch_superseded"
  | "forbidden_origin"
  | "unauthorized"
  | "forbidden"
  | "body_too_large"
  | "unsupported_media_type"
  | "internal_error"
  | "rate_limited"
  | "too_many_streams"
  | "not_ready"
  | "unsupported_table"
  | "damaged_table"
  | "dependency_unavailable";

/** What is wrong with one field of a request. */
export interface FieldError {
  /** where: `from`, `body.mode`, … */
  field: string;
  /** what came, as the user wrote it */
  value?: unknown;
  /** what would have been right */
  expected: string;
}

export interface ProblemDetails {
  status: number;
  code: ProblemCode;
  title: string;
  /** what happened to this request, in a sentence */
  detail: string;
  /** what to do next, in a sentence */
  next?: string;
  errors?: FieldError[];
}

export class Problem extends Error {
  readonly details: ProblemDetails;

  constructor(details: ProblemDetails, options?: { cause?: unknown }) {
    super(details.detail, options);
    this.name = "Problem";
    this.details = details;
  }
}

/** 400: one or more fields of the request are wrong. */
export function invalidRequest(errors: FieldError[], next?: string): Problem {
  const fields = errors.map((error) => error.field).join(", ");
  return new Problem({
    status: 400,
    code: "invalid_request",
    title: "The request is not valid",
    detail: errors.map((error) => describe(error)).join("; ") || `Check ${fields}`,
    ...(next === undefined ? {} : { next }),
    errors,
  });
}

function describe(error: FieldError): string {
  const got = error.value === undefined ? "" : ` (got ${JSON.stringify(error.value)})`;
  return `${error.field}: expected ${error.expected}${got}`;
}

/** 503: something that this answer depends on is away; trying again later may work. */
export function dependencyUnavailable(name: string, detail: string, cause?: unknown): Problem {
  return new Problem(
    {
      status: 503,
      code: "dependency_unavailable",
      title: `${name} is not available`,
      detail,
      next: `See GET /readyz and the log of ${name}, then try again.`,
    },
    { cause },
  );
}
