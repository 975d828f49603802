import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyReply, FastifyRequest } from "fastify";
import { type Static, Type } from "typebox";
import { DURATION_PATTERN, formatDuration, parseDuration } from "../domain/duration.ts";
import type { OperationKind, OperationState } from "../domain/lifecycle/operation.ts";
import { invalidRequest } from "../domain/problem.ts";
import { CertificateSchema } from "../domain/sync.ts";
import type { ApplicationRestarts } from "../services/application-restarts.ts";
import { readCursor, writeCursor } from "../services/cursor.ts";
import type { Asked, NewRequest } from "../services/operation-requests.ts";
import type { OperationAnswer, Operations } from "../services/operations.ts";
import { actorOf, requireRole } from "./access.ts";
import { withHeaders } from "./answer-headers.ts";
import { applicationParams, Id, Instant, jobParams, listQuery, Nullable, pageOf } from "./lists.ts";

const STOP_MODES = ["drain", "now", "kill"] as const;
const MOST_WAIT_MS = 60_000;
const MOST_DRAIN_MS = 3_600_000;
const STATES: OperationState[] = ["running", "succeeded", "failed", "superseded"];

const OperationResource = Type.Object(
  {
    id: Id("Its address is /v1/operations/{id}"),
    kind: Type.Enum(["start", "stop", "restart"]),
    job: Nullable(Type.String({ description: "null for that of an application", examples: ["sales.gold"] })),
    application: Nullable(Type.String({ description: "null for that of a job", examples: ["sales"] })),
    state: Type.Enum([...STATES], {
      description: "`superseded`: a newer request for the same job or application took its place",
    }),
    request: Type.Object({
      mode: Type.Enum([...STOP_MODES]),
      timeout: Type.String({ examples: ["30s"] }),
      force: Type.Boolean(),
    }),
    steps: Type.Array(Type.Object({ step: Type.String({ examples: ["drained"] }), at: Instant }), {
      description: "What happened, in order",
    }),
    certificate: Nullable(CertificateSchema),
    requestedBy: Nullable(Type.String({ examples: ["local"] })),
    requestId: Nullable(Id("The request that asked for it; find it in the log")),
    createdAt: Instant,
    endedAt: Nullable(Instant),
  },
  { title: "Operation", description: "A request that takes its time" },
);

const duration = (description: string) =>
  Type.Optional(Type.String({ pattern: DURATION_PATTERN, description, examples: ["30s"] }));

const waitQuery = Type.Object(
  { wait: duration("Answer when the operation has ended, or after this time (at most 60s)") },
  { additionalProperties: false },
);

const actionBody = Type.Object(
  {
    mode: Type.Optional(
      Type.Enum([...STOP_MODES], {
        description:
          "`drain` finishes the batch first, `now` interrupts it, `kill` ends the whole Spark application (SIGKILL) and needs `force` when other jobs share it",
        default: "drain",
      }),
    ),
    timeout: duration(
      "How long a drain may take before the batch is interrupted; when left out, `drainTimeout` of the job's spec",
    ),
    force: Type.Optional(
      Type.Boolean({
        description:
          "With `kill`: also when it takes other jobs along. Without: an UNKNOWN job's driver is taken for dead, on your word",
        default: false,
      }),
    ),
  },
  { additionalProperties: false, description: "May be left out", examples: [{ mode: "drain", timeout: "30s" }] },
);

const { force: _, ...restartFields } = actionBody.properties;
const restartBody = Type.Object(restartFields, {
  additionalProperties: false,
  description: "May be left out",
  examples: [{ mode: "drain", timeout: "30s" }],
});

const operationAnswers = {
  200: withHeaders(OperationResource, "Location"),
  202: withHeaders(OperationResource, "Location"),
};

const actionHeaders = Type.Object({
  "idempotency-key": Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 200,
      description: "A repeated request with the same key is one request; with another request the key is refused",
    }),
  ),
});

interface ActionRequest extends FastifyRequest {
  query: Static<typeof waitQuery>;
  body: Static<typeof actionBody>;
}

const SUMMARIES: Record<OperationKind, [summary: string, description: string]> = {
  start: ["Start a job", "Its application is submitted when it is not there. Starting a running job succeeds at once."],
  stop: ["Stop a job", "Other jobs of the same application go on. Stopping a stopped job succeeds at once."],
  restart: ["Stop a job and start it again", "A job that does not run is only started."],
};

/** Start, stop and restart of jobs, restart of applications, and the operations that come of them. */
export const operationRoutes: FastifyPluginAsyncTypebox<{
  operations: Operations;
  restarts: ApplicationRestarts;
}> = async (app, { operations, restarts }) => {
  for (const kind of ["start", "stop", "restart"] as const) {
    const [summary, description] = SUMMARIES[kind];
    app.post(
      `/jobs/:job/${kind}`,
      {
        config: { access: "operator" },
        schema: {
          operationId: `${kind}Job`,
          tags: ["jobs"],
          summary,
          description,
          params: jobParams,
          querystring: waitQuery,
          headers: actionHeaders,
          body: actionBody,
          response: operationAnswers,
        },
      },
      async (request, reply) =>
        act(operations, request as unknown as ActionRequest, reply, (wish, asked) =>
          operations.request(kind, request.params.job, wish, asked),
        ),
    );
  }

  app.post(
    "/applications/:app/restart",
    {
      config: { access: "operator" },
      schema: {
        operationId: "restartApplication",
        tags: ["applications"],
        summary: "Stop an application's jobs, end its driver and submit it anew",
        description: "The new driver gets the present spec, and the jobs that should run are started in it.",
        params: applicationParams,
        querystring: waitQuery,
        headers: actionHeaders,
        body: restartBody,
        response: operationAnswers,
      },
    },
    async (request, reply) =>
      act(operations, request as unknown as ActionRequest, reply, (wish, asked) =>
        restarts.request(request.params.app, wish, asked),
      ),
  );

  app.get(
    "/operations",
    {
      schema: {
        operationId: "listOperations",
        tags: ["operations"],
        summary: "Operations, newest first",
        querystring: Type.Object(
          {
            job: Type.Optional(Type.String({ description: "Only those of this job", examples: ["sales.gold"] })),
            application: Type.Optional(
              Type.String({ description: "Only those of this application", examples: ["sales"] }),
            ),
            state: Type.Optional(Type.Enum([...STATES], { description: "Only those in this state" })),
            ...listQuery,
          },
          { additionalProperties: false },
        ),
        response: {
          200: pageOf(OperationResource, "A page of operations"),
        },
      },
    },
    async (request) => {
      const { limit, cursor, ...filter } = request.query;
      const before = readCursor("operations", ["uuid"], cursor)?.[0];
      const found = await operations.list(filter, limit, before === undefined ? null : String(before));
      const last = found.length === limit ? found.at(-1) : undefined;
      return {
        items: found.map(toResource),
        nextCursor: last === undefined ? null : writeCursor("operations", [last.id]),
      };
    },
  );

  app.get(
    "/operations/:id",
    {
      schema: {
        operationId: "getOperation",
        tags: ["operations"],
        summary: "One operation",
        params: Type.Object({ id: Type.String({ format: "uuid", description: "Id of an operation" }) }),
        response: { 200: OperationResource },
      },
    },
    async (request) => toResource(await operations.find(request.params.id)),
  );
};

async function act(
  operations: Operations,
  request: ActionRequest,
  reply: FastifyReply,
  ask: (wish: NewRequest, asked: Asked) => Promise<{ id: string }>,
) {
  const waitMs = boundedDuration("wait", request.query.wait, 0, MOST_WAIT_MS);
  const timeoutMs =
    request.body.timeout === undefined ? null : boundedDuration("body.timeout", request.body.timeout, 0, MOST_DRAIN_MS);
  // Both take more than the job that was named, or rest on the caller's word.
  if (request.body.mode === "kill" || request.body.force === true) requireRole(request, "admin");
  const key = request.headers["idempotency-key"];
  const { id } = await ask(
    { mode: request.body.mode ?? "drain", timeoutMs, force: request.body.force ?? false },
    { by: actorOf(request), requestId: request.id, idempotencyKey: typeof key === "string" ? key : null },
  );
  const gone = new AbortController();
  reply.raw.once("close", () => gone.abort());
  const operation = await operations.waitFor(id, waitMs, gone.signal);
  const ended = operation.endedAt !== null;
  return reply
    .status(ended ? 200 : 202)
    .header("location", `/v1/operations/${id}`)
    .send(toResource(operation));
}

function boundedDuration(field: string, text: string | undefined, fallbackMs: number, mostMs: number): number {
  const ms = text === undefined ? fallbackMs : parseDuration(text);
  if (ms !== undefined && ms <= mostMs) return ms;
  throw invalidRequest([{ field, value: text, expected: `at most ${formatDuration(mostMs)}` }]);
}

function toResource({
  fromEpoch: _epoch,
  fromLaunch: _launch,
  request,
  createdAt,
  endedAt,
  ...operation
}: OperationAnswer) {
  return {
    ...operation,
    request: { mode: request.mode, timeout: formatDuration(request.timeoutMs), force: request.force ?? false },
    createdAt: createdAt.toISOString(),
    endedAt: endedAt?.toISOString() ?? null,
  };
}
