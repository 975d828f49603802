import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import type { ReplayBody } from "../domain/replay/request.ts";
import { REPLAY_STATES, type ReplayRequestKind } from "../domain/replay/state.ts";
import { readCursor, writeCursor } from "../services/cursor.ts";
import type { Replays } from "../services/replay/replays.ts";
import { actorOf } from "./access.ts";
import { withHeaders } from "./answer-headers.ts";
import { jobParams, listQuery, pageOf } from "./lists.ts";
import { jobReplayBody, offsetsBody, promoteBody, replayBody, requestBody } from "./replay-bodies.ts";
import { toPlanResource, toReplayResource, toSummaryResource } from "./replay-resources.ts";
import { PlanResource, ReplayResource, ReplaySummaryResource } from "./replay-schemas.ts";

const replayParams = Type.Object({ id: Type.String({ format: "uuid", description: "Id of a replay" }) });

const dryRun = Type.Boolean({ default: false, description: "Only say what it would do and what it takes" });

const answers = { 200: PlanResource, 202: withHeaders(ReplayResource, "Location") };

const REQUESTS: Record<ReplayRequestKind, [summary: string, description: string]> = {
  pause: ["Pause a replay", "Its shadow jobs finish their batches and stand still."],
  resume: ["Go on with a replay that was paused or has failed", "Nothing that was read is read again."],
  diff: ["Compare both generations at the present position", "This happens by itself once when it has caught up."],
  promote: [
    "Make the replay's generation the live one",
    "The live jobs are drained, both are compared once more at exactly that position, and in one transaction the generations are exchanged. Gates that fail have to be overridden with a reason.",
  ],
  rollback: [
    "Make the generation before the live one again",
    "Its jobs read what has come since, and the generations are exchanged back. The replay can be promoted again.",
  ],
  cancel: ["Give a replay up", "Its generation is deleted, unless it was live before: then it is kept."],
};

/** Replays: `POST /replays`, `GET /replays`, `/replays/{id}`, `POST …/{id}/pause` and so on, and the quick ways of a job. */
export const replayRoutes: FastifyPluginAsyncTypebox<{ replays: Replays }> = async (app, { replays }) => {
  /** Plans, or begins; the answer of a replay that has begun says where it is. */
  async function begin(
    request: FastifyRequest,
    reply: FastifyReply,
    body: ReplayBody & { planHash?: string },
    dry: boolean,
  ) {
    const { planHash = null, ...wish } = body;
    if (dry) return reply.send(toPlanResource(await replays.plan(wish)) as never);
    const { id } = await replays.create(wish, planHash, { by: actorOf(request), requestId: request.id });
    return reply
      .status(202)
      .header("location", `/v1/replays/${id}`)
      .send(toReplayResource(await replays.details(id)) as never);
  }

  app.post(
    "/replays",
    {
      config: { access: "operator" },
      schema: {
        operationId: "createReplay",
        tags: ["replays"],
        summary: "Replay a job and everything downstream of it, beside what is live",
        description:
          "With `dryRun=true` the plan is the answer, with a hash: sent as `planHash`, the replay begins only if the plan still is the same.",
        querystring: Type.Object({ dryRun }, { additionalProperties: false }),
        body: replayBody,
        response: answers,
      },
    },
    async (request, reply) => begin(request, reply, request.body as ReplayBody, request.query.dryRun),
  );

  app.post(
    "/jobs/:job/replay",
    {
      config: { access: "operator" },
      schema: {
        operationId: "replayJob",
        tags: ["replays"],
        summary: "Replay one job and everything downstream of it: the quick way",
        description: "With `autoPromote=true` it becomes live by itself once it has caught up and its gates pass.",
        params: jobParams,
        querystring: Type.Object(
          {
            autoPromote: Type.Boolean({ default: false, description: "Make it live by itself" }),
            dryRun,
          },
          { additionalProperties: false },
        ),
        body: jobReplayBody,
        response: answers,
      },
    },
    async (request, reply) => {
      const { autoPromote, dryRun: dry } = request.query;
      const body = { ...request.body, job: request.params.job, autoPromote } as ReplayBody;
      return begin(request, reply, body, dry);
    },
  );

  app.put(
    "/jobs/:job/offsets",
    {
      config: { access: "operator" },
      schema: {
        operationId: "putOffsets",
        tags: ["replays"],
        summary: "Let a stopped job begin elsewhere",
        description:
          "No checkpoint is edited: a replay makes a new generation that begins there and becomes live by itself. The job stays stopped.",
        params: jobParams,
        querystring: Type.Object({ dryRun }, { additionalProperties: false }),
        body: offsetsBody,
        response: answers,
      },
    },
    async (request, reply) => {
      const { planHash, ...from } = request.body;
      if (!request.query.dryRun) await replays.requireStopped(request.params.job);
      const body = {
        job: request.params.job,
        from,
        autoPromote: true,
        ...(planHash === undefined ? {} : { planHash }),
      };
      return begin(request, reply, body as ReplayBody, request.query.dryRun);
    },
  );

  app.get(
    "/replays",
    {
      schema: {
        operationId: "listReplays",
        tags: ["replays"],
        summary: "Replays, newest first",
        querystring: Type.Object(
          {
            job: Type.Optional(Type.String({ description: "Only those of this job", examples: ["sales.silver"] })),
            state: Type.Optional(Type.Enum([...REPLAY_STATES], { description: "Only those in this state" })),
            ...listQuery,
          },
          { additionalProperties: false },
        ),
        response: { 200: pageOf(ReplaySummaryResource, "A page of replays") },
      },
    },
    async (request) => {
      const { limit, cursor, ...filter } = request.query;
      const before = readCursor("replays", ["uuid"], cursor)?.[0];
      const found = await replays.list(filter, limit, before === undefined ? null : String(before));
      const last = found.length === limit ? found.at(-1) : undefined;
      const nextCursor = last === undefined ? null : writeCursor("replays", [last.id]);
      return { items: found.map(toSummaryResource), nextCursor } as never;
    },
  );

  app.get(
    "/replays/:id",
    {
      schema: {
        operationId: "getReplay",
        tags: ["replays"],
        summary: "One replay, with its plan and how far it is",
        params: replayParams,
        response: { 200: ReplayResource },
      },
    },
    async (request) => toReplayResource(await replays.details(request.params.id)) as never,
  );

  for (const kind of Object.keys(REQUESTS) as ReplayRequestKind[]) {
    const [summary, description] = REQUESTS[kind];
    app.post(
      `/replays/:id/${kind}`,
      {
        config: { access: "operator" },
        schema: {
          operationId: `${kind}Replay`,
          tags: ["replays"],
          summary,
          description,
          params: replayParams,
          body: kind === "promote" ? promoteBody : requestBody,
          response: { 202: ReplayResource },
        },
      },
      async (request, reply) => {
        const { id } = request.params as { id: string };
        const { overrideGates } = request.body as { overrideGates?: { reason: string } };
        const asked = { by: actorOf(request), requestId: request.id };
        await replays.request(kind, id, overrideGates?.reason ?? null, asked);
        return reply.status(202).send(toReplayResource(await replays.details(id)) as never);
      },
    );
  }
};
