/**
 * Everything that goes wrong in a way a user should understand is a Problem; the API turns it into RFC 9457
 * `application/problem+json`, whatever else is thrown becomes a 500 without details.
 */

interface ProblemKind {
  /** HTTP status of its answers */
  status: number;
  /** when it is answered, in a sentence: docs/api.md has it, too */
  meaning: string;
}

/** Every kind of problem by its code. Codes are stable: clients may switch on them. */
export const PROBLEMS = {
  invalid_request: { status: 400, meaning: "Fields of the request are wrong; `errors` names each." },
  invalid_sql: { status: 400, meaning: "DuckDB cannot run the SQL; `detail` says why and `position` where." },
  unauthorized: { status: 401, meaning: "A token is needed, and none came or it is not valid." },
  forbidden: { status: 403, meaning: "The token's role does not allow this." },
  forbidden_origin: { status: 403, meaning: "A page of another site calls, or the `Host` is not one of ours." },
  refused_sql: { status: 403, meaning: "The SQL is something else than one SELECT over the views." },
  log_gone: { status: 404, meaning: "A log is not there any more, or not yet." },
  unknown_application: { status: 404, meaning: "There is no such application." },
  unknown_generation: { status: 404, meaning: "The pipeline has no generation of this number." },
  unknown_diff: { status: 404, meaning: "There is no such replay, or it has not been compared yet." },
  unknown_job: { status: 404, meaning: "There is no such job." },
  unknown_launch: { status: 404, meaning: "The application has no launch with this id." },
  unknown_override: { status: 404, meaning: "There is no override of this number." },
  unknown_operation: { status: 404, meaning: "There is no such operation." },
  unknown_publication: { status: 404, meaning: "The pipeline declares no such publication." },
  unknown_record: { status: 404, meaning: "No refused record is at this partition and offset." },
  unknown_replay: { status: 404, meaning: "There is no such replay." },
  unknown_resource: { status: 404, meaning: "There is nothing at this path." },
  unknown_run: { status: 404, meaning: "The job has no run with this epoch." },
  unknown_service: { status: 404, meaning: "The stack has no service of this name." },
  unknown_subject: { status: 404, meaning: "The schema registry does not know this subject." },
  unknown_token: { status: 404, meaning: "There is no such token." },
  unknown_topic: { status: 404, meaning: "The pipeline declares no such topic." },
  method_not_allowed: {
    status: 405,
    meaning: "The resource does not know this method; `Allow` names those that it knows.",
  },
  belongs_to_replay: { status: 409, meaning: "A shadow job does what its replay wants; ask the replay." },
  conflict: { status: 409, meaning: "It does not go with what is there now." },
  gates_failed: {
    status: 409,
    meaning: "The generation changes more than the gates of its replay allow; `detail` says what.",
  },
  kills_other_jobs: {
    status: 409,
    meaning: "A `kill` would end other jobs of the application; `force` takes them along.",
  },
  launch_superseded: { status: 409, meaning: "For runners: a newer submission has taken over." },
  needs_new_generation: { status: 409, meaning: "The checkpoint depends on the field that was to be changed." },
  recount_running: { status: 409, meaning: "Everything is being counted already; one recount runs at a time." },
  replay_running: { status: 409, meaning: "Another replay has not ended; `detail` names it." },
  plan_changed: { status: 412, meaning: "The plan that was agreed to does not hold any more." },
  stale_revision: { status: 412, meaning: "`If-Match` names an older revision than the one that is there." },
  body_too_large: { status: 413, meaning: "The body exceeds what this resource takes." },
  unsupported_media_type: { status: 415, meaning: "The body is not `application/json`." },
  does_not_fit: { status: 422, meaning: "The cluster has no room for it; `force=true` saves it all the same." },
  idempotency_key_reused: { status: 422, meaning: "The `Idempotency-Key` came with another request before." },
  no_space: { status: 422, meaning: "The disk has no room for what a replay would write." },
  offsets_gone: { status: 422, meaning: "Kafka does not hold the records with which a replay would begin." },
  query_crashed: { status: 422, meaning: "The process that ran the SQL died of it, most likely for want of memory." },
  query_out_of_memory: { status: 422, meaning: "The SQL needs more memory than it may take." },
  query_timeout: { status: 422, meaning: "The SQL took longer than it may." },
  replay_unsupported: { status: 422, meaning: "The job cannot be replayed so; `next` says what is possible." },
  result_too_large: { status: 422, meaning: "The SQL has more rows or bytes of result than it may." },
  schema_unreadable: {
    status: 422,
    meaning: "The registry does not know schemas any more that records were written with.",
  },
  precondition_required: { status: 428, meaning: "`If-Match` is missing." },
  rate_limited: { status: 429, meaning: "Too many requests; `Retry-After` says when to go on." },
  damaged_table: { status: 500, meaning: "A table's log contradicts itself or lacks a part." },
  internal_error: { status: 500, meaning: "A mistake of ours; the log has it under `requestId`." },
  unsupported_table: { status: 501, meaning: "A table uses a Delta feature that is not read here." },
  dependency_unavailable: { status: 503, meaning: "Something that this answer depends on is away; try again." },
  check_given_up: { status: 503, meaning: "Comparing the tables took more time or memory than it may." },
  not_ready: { status: 503, meaning: "The control plane is still starting, or stands by; `detail` says what for." },
  too_many_queries: {
    status: 503,
    meaning: "As much SQL runs and waits as is allowed; `Retry-After` says when to try again.",
  },
  too_many_streams: { status: 503, meaning: "As many event streams are open as are allowed." },
} as const satisfies Record<string, ProblemKind>;

export type ProblemCode = keyof typeof PROBLEMS;

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
  /** where in the SQL, line and column from 1 */
  position?: { line: number; column: number };
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
