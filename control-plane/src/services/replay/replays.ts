import { randomUUID } from "node:crypto";
import { Problem } from "../../domain/problem.ts";
import type { ReplayBody } from "../../domain/replay/request.ts";
import {
  BEYOND_CANCEL,
  type OwnGeneration,
  REPLAY_REQUESTS,
  type ReplayRequestKind,
  resumedAt,
} from "../../domain/replay/state.ts";
import type { Failpoint } from "../failpoint.ts";
import type { GenerationStore } from "../generations/ports.ts";
import type { Log } from "../log.ts";
import type { CatalogStore, Clock } from "../ports.ts";
import type { LagOf } from "./live-guard.ts";
import type { Planned, ReplayPlanner } from "./planner.ts";
import type { ReplayChange, ReplayFilter, ReplayRow, ReplayStore } from "./ports.ts";
import { type ReplayProgress, readProgress } from "./progress.ts";
import { gatesFailed, notNow, planChanged, replayRunning, unknownReplay } from "./refusals.ts";
import { failingGates, type Situations } from "./situation.ts";

export interface ReplaysParts {
  pipeline: string;
  store: ReplayStore;
  planner: ReplayPlanner;
  generations: Pick<GenerationStore, "find">;
  situations: Situations;
  catalog: CatalogStore;
  lagOf: LagOf;
  clock: Clock;
  /** told when there is something to do */
  onChange: () => void;
  failpoint: Failpoint;
  log: Log;
}

export interface AskedBy {
  by: string;
  requestId: string;
}

/** How far a replay is, and what it does to the live jobs. */
export interface ReplayDetails {
  replay: ReplayRow;
  progress: ReplayProgress | null;
  live: { lagSeconds: number | null; held: string | null };
  /** until when the generation that is not live is kept; null where none is */
  keptUntil: Date | null;
}

/** Takes requests about replays; the engine carries them out. */
export class Replays {
  private readonly parts: ReplaysParts;

  constructor(parts: ReplaysParts) {
    this.parts = parts;
  }

  /** What a replay would do. @throws Problem, see {@link ReplayPlanner.plan} */
  async plan(body: ReplayBody): Promise<Planned> {
    const { planner, store, pipeline } = this.parts;
    const planned = await planner.plan(body);
    const other = await store.open(pipeline);
    if (other === null) return planned;
    const warning = `Replay ${other.id} of ${other.job} has not ended: this one cannot begin before that.`;
    return { ...planned, plan: { ...planned.plan, warnings: [warning, ...planned.plan.warnings] } };
  }

  /**
   * Begins a replay.
   * @param planHash of the plan that somebody has seen; null: whatever the plan is
   * @throws Problem `plan_changed`, `replay_running`, and those of {@link ReplayPlanner.plan}
   */
  async create(body: ReplayBody, planHash: string | null, asked: AskedBy): Promise<ReplayRow> {
    const { planner, store, pipeline, onChange, failpoint, log } = this.parts;
    const other = await store.open(pipeline);
    if (other !== null) throw replayRunning(other);
    const { request, plan, hash } = await planner.plan(body);
    if (planHash !== null && planHash !== hash) throw planChanged(planHash, hash);
    const { job, generation, parent } = plan;
    const id = randomUUID();
    const by = { requestedBy: asked.by, requestId: asked.requestId };
    const audit = {
      actor: asked.by,
      action: "replay.create",
      target: job,
      requestId: asked.requestId,
      before: null,
      after: { replay: id, generation, hash, request },
    };
    const refused = await store.insert({ id, pipeline, job, request, plan, hash, generation, parent, ...by }, audit);
    if (refused !== null) throw replayRunning(await this.find(refused.running));
    failpoint("replay-recorded");
    log.info({ replay: id, job, generation, requestId: asked.requestId, by: asked.by }, "replay planned");
    onChange();
    return this.find(id);
  }

  /** @throws Problem `unknown_replay` */
  async find(id: string): Promise<ReplayRow> {
    const replay = await this.parts.store.find(id);
    if (replay === null) throw unknownReplay(id);
    return replay;
  }

  /** @throws Problem `unknown_job`; `conflict` for a job that is not stopped */
  async requireStopped(id: string): Promise<void> {
    const job = (await this.parts.catalog.jobs()).find((each) => each.id === id);
    // Who does not exist is told of by the plan.
    if (job === undefined || (job.desired === "stopped" && job.state === "STOPPED")) return;
    throw new Problem({
      status: 409,
      code: "conflict",
      title: "The job is not stopped",
      detail: `${id} is ${job.state}: where it reads can be chosen while it is stopped.`,
      next: `POST /v1/jobs/${id}/stop first; or replay it beside the live one: POST /v1/jobs/${id}/replay.`,
    });
  }

  /** newest first */
  list(filter: ReplayFilter, limit: number, before: string | null): Promise<ReplayRow[]> {
    return this.parts.store.list(this.parts.pipeline, filter, limit, before);
  }

  async details(id: string): Promise<ReplayDetails> {
    const { situations, lagOf, clock } = this.parts;
    const replay = await this.find(id);
    const situation = await situations.of(replay);
    const lags = await Promise.all(situation.parties.map(({ live }) => lagOf(live).catch(() => null)));
    const seconds = lags.filter((lag) => lag !== null);
    const kept = [situation.generation, situation.target].find((each) => each?.state === "kept");
    return {
      replay,
      progress: await readProgress(situations, situation, clock),
      live: {
        lagSeconds: seconds.length === 0 ? null : Math.max(...seconds),
        held: situation.target?.state === "shadow" ? situation.target.held : null,
      },
      keptUntil: kept?.keptUntil ?? null,
    };
  }

  /**
   * Pauses, resumes, compares, promotes, rolls back or cancels.
   * @param overrideReason why a promotion goes on although gates fail
   * @throws Problem `unknown_replay`, `conflict`, `gates_failed`, `replay_running`
   */
  async request(
    kind: ReplayRequestKind,
    id: string,
    overrideReason: string | null,
    asked: AskedBy,
  ): Promise<ReplayRow> {
    const { store, onChange, log, clock } = this.parts;
    const found = await this.find(id);
    const facts = await this.standing(found);
    const override =
      overrideReason === null ? null : { by: asked.by, reason: overrideReason, at: clock.now().toISOString() };
    const { replay, running } = await store.change(
      id,
      (row) => decide(kind, row, facts, override),
      (before, change) => ({
        actor: asked.by,
        action: `replay.${kind}`,
        target: before.job,
        requestId: asked.requestId,
        before: { replay: id, state: before.state },
        after: { replay: id, state: change.state, ...(override === null ? {} : { overrideGates: override.reason }) },
      }),
    );
    if (running !== null) throw replayRunning(await this.find(running));
    if (replay === null) throw unknownReplay(id);
    log.info({ replay: id, kind, state: replay.state, requestId: asked.requestId, by: asked.by }, "replay asked");
    onChange();
    return replay;
  }

  private async standing(replay: ReplayRow): Promise<Standing> {
    const situation = await this.parts.situations.of(replay);
    const { own, generation, live } = situation;
    const parent = await this.parts.generations.find(replay.pipeline, replay.parent);
    return { own, hasGeneration: generation !== null, live: live?.number ?? null, kept: { generation, parent } };
  }
}

interface Standing {
  own: OwnGeneration;
  hasGeneration: boolean;
  /** number of the live generation, if that is one of the replay's two */
  live: number | null;
  kept: Record<"generation" | "parent", { state: string } | null>;
}

function decide(
  kind: ReplayRequestKind,
  row: ReplayRow,
  standing: Standing,
  override: ReplayRow["override"],
): ReplayChange {
  const { from, to } = REPLAY_REQUESTS[kind];
  const states: readonly string[] = from;
  if (!states.includes(row.state)) {
    const able = Object.entries(REPLAY_REQUESTS).filter(([, each]) =>
      (each.from as readonly string[]).includes(row.state),
    );
    const next = able.map(([name]) => name).join(", ");
    throw notNow(
      row,
      `A ${kind} can be asked of one that is ${states.join(", ")}.`,
      next === "" ? "Nothing can be asked of it now; GET it again." : `What can be asked of it now: ${next}.`,
    );
  }
  const change: ReplayChange = { state: to, phase: null, reason: null };
  switch (kind) {
    case "resume":
      return {
        ...change,
        ...resumedAt(standing.own, standing.hasGeneration),
        failure: null,
        target: null,
        verdict: null,
      };
    case "diff":
      return { ...change, target: null, verdict: null };
    case "promote":
      return { ...change, ...promote(row, standing, override) };
    case "rollback":
      requireKept(row, standing, "parent");
      return { ...change, phase: "reopening", override: null };
    case "cancel":
      if (row.phase !== null && BEYOND_CANCEL.includes(row.phase)) {
        throw notNow(row, "The generations are being exchanged.", "It ends in a moment; then it can be rolled back.");
      }
      return change;
    default:
      return change;
  }
}

function promote(row: ReplayRow, standing: Standing, override: ReplayRow["override"]): ReplayChange {
  if (row.state === "rolled_back") {
    requireKept(row, standing, "generation");
    return { phase: "reopening", override };
  }
  const failing = row.verdict === null ? [] : failingGates(row.verdict, override !== null);
  if (failing.length > 0) throw gatesFailed(row.id, failing);
  return { phase: "catching_up", override };
}

/** What is to become live again has to be there, and what it takes the place of has to be the live one. */
function requireKept(row: ReplayRow, standing: Standing, which: "generation" | "parent"): void {
  const [number, other] = which === "parent" ? [row.parent, row.generation] : [row.generation, row.parent];
  const state = standing.kept[which]?.state ?? "gone";
  if (state === "kept" && standing.live === other) return;
  throw new Problem({
    status: 409,
    code: "conflict",
    title: "The other generation cannot become live",
    detail:
      state === "kept"
        ? `Generation ${other} is not the live one any more: a later replay has been promoted.`
        : `Generation ${number} is ${state}: it is not kept any more.`,
    next: "GET /v1/generations lists what there is; a new replay makes a new generation.",
  });
}
