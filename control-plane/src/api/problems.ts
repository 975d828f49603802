import type { ErrorObject } from "ajv";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { invalidRequest, PROBLEMS, Problem, type ProblemCode, type ProblemDetails } from "../domain/problem.ts";
import { fieldErrors, isDocumented } from "./validation.ts";

/** RFC 9457, as every error of this API looks. */
export const ProblemSchema = Type.Object(
  {
    type: Type.String({ description: "`about:blank`: `code` tells the kind of problem" }),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.Enum(Object.keys(PROBLEMS) as ProblemCode[], {
      description: "Stable; clients may switch on it",
      examples: ["unknown_job"],
    }),
    detail: Type.String(),
    next: Type.Optional(Type.String({ description: "What to do now" })),
    errors: Type.Optional(
      Type.Array(Type.Object({ field: Type.String(), value: Type.Optional(Type.Unknown()), expected: Type.String() }), {
        description: "Each field that is wrong",
      }),
    ),
    position: Type.Optional(
      Type.Object({ line: Type.Integer(), column: Type.Integer() }, { description: "Where in the SQL, from 1" }),
    ),
    requestId: Type.String({ description: "Find it in the log" }),
  },
  { title: "Problem", description: "What went wrong and what to do about it" },
);

const PROBLEM_RESPONSE = {
  description: "A problem (RFC 9457)",
  content: { "application/problem+json": { schema: ProblemSchema } },
};

/** Turns everything that goes wrong into `application/problem+json`. */
export function registerProblems(app: FastifyInstance): void {
  const methods = new Map<string, Set<string>>();
  app.addHook("onRoute", (route) => {
    const known = methods.get(route.url) ?? new Set();
    for (const method of [route.method].flat()) known.add(method);
    methods.set(route.url, known);
    if (isDocumented(route.url)) {
      const response = { "4xx": PROBLEM_RESPONSE, "5xx": PROBLEM_RESPONSE, ...(route.schema?.response as object) };
      route.schema = { ...route.schema, response };
    }
  });

  app.setErrorHandler((error: FastifyError, request, reply) => {
    const problem = toProblem(error, request);
    if (problem.status >= 500) request.log.error({ err: error }, problem.title);
    return sendProblem(request, reply, problem);
  });

  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?")[0] ?? "";
    const allowed = [...methods].filter(([pattern]) => toRegExp(pattern).test(path)).flatMap(([, known]) => [...known]);
    if (allowed.length > 0) {
      reply.header("allow", allowed.join(", "));
      return sendProblem(request, reply, {
        status: 405,
        code: "method_not_allowed",
        title: "This resource does not know that method",
        detail: `${request.method} ${path} is not possible; possible: ${allowed.join(", ")}.`,
      });
    }
    return sendProblem(request, reply, {
      status: 404,
      code: "unknown_resource",
      title: "No such resource",
      detail: `There is nothing at ${path}.`,
      next: "GET /docs shows every resource.",
    });
  });
}

/** Errors from before the routing, which no error handler sees: a path whose percent signs cannot be read. */
export function answerUnreadablePath(_error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  sendProblem(request, reply.header("x-request-id", request.id), {
    status: 400,
    code: "invalid_request",
    title: "The request is not valid",
    detail: `The path ${request.url} cannot be read: each % has to be followed by two hexadecimal digits that make UTF-8.`,
  });
}

function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: ProblemDetails): FastifyReply {
  return reply
    .status(problem.status)
    .type("application/problem+json")
    .serializer((payload: unknown) => JSON.stringify(payload))
    .send({ type: "about:blank", ...problem, requestId: request.id });
}

function toProblem(error: FastifyError, request: FastifyRequest): ProblemDetails {
  if (error instanceof Problem) return error.details;
  if (error.validation !== undefined) {
    const errors = fieldErrors(error.validation as ErrorObject[], error.validationContext ?? "request");
    return invalidRequest(errors).details;
  }
  if (error.code === "FST_ERR_CTP_BODY_TOO_LARGE") {
    return {
      status: 413,
      code: "body_too_large",
      title: "The body is too large",
      detail: `The body of ${request.method} ${request.url} exceeds the limit of this resource.`,
    };
  }
  if (error.code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") {
    return {
      status: 415,
      code: "unsupported_media_type",
      title: "This content type is not understood",
      detail: `Content-Type is ${JSON.stringify(request.headers["content-type"] ?? "")}: expected application/json.`,
      next: "With curl, add -H 'content-type: application/json', or leave the body out.",
    };
  }
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500) {
    return { status, code: "invalid_request", title: "The request is not valid", detail: error.message };
  }
  return {
    status: 500,
    code: "internal_error",
    title: "Something went wrong here",
    detail: "This should not happen; the log of the control plane has the details.",
    next: "Look for the requestId in the log of the control plane, and report it.",
  };
}

function toRegExp(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replace(/:[^/]+/g, "[^/]+").replace(/\*/g, ".*")}/?$`);
}
