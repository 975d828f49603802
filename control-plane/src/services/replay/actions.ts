import type { ReplayAction } from "../../domain/replay/facts.ts";
import { evaluateGates } from "../../domain/replay/gates.ts";
import { aheadOfAll, behindAll } from "../../domain/replay/offsets.ts";
import type { ReplayPlan } from "../../domain/replay/plan.ts";
import type { ReplayRequest } from "../../domain/replay/request.ts";
import type { FailpointName } from "../failpoint.ts";
import type { GenerationDetails, GenerationStore } from "../generations/ports.ts";
import type { Operations } from "../operations.ts";
import type { Clock, RunStore } from "../ports.ts";
import type { AuditEntry } from "../rows.ts";
import type { Comparisons } from "./comparisons.ts";
import type { ReplayChange, ReplayRow } from "./ports.ts";
import type { Party, Situation, Situations } from "./situation.ts";

export interface ActionParts {
  generations: GenerationStore;
  situations: Situations;
  runs: Pick<RunStore, "list">;
  operations: Pick<Operations, "request">;
  comparisons: Comparisons;
  /** the topic whose offsets positions are */
  topic: string;
  clock: Clock;
}

/** What a step did: what it changed of the replay; null: it is not done yet, and is looked at again. */
type Done = ReplayChange | null;

/** Where a crash after the step, before it is saved, has to be harmless. */
export const ACTION_FAILPOINTS: Partial<Record<ReplayAction, FailpointName>> = {
  create: "replay-created",
  runShadows: "replay-reading",
  stopShadows: "replay-halted",
  aim: "replay-aimed",
  compare: "replay-compared",
  noteRunning: "replay-noted",
  reopen: "replay-reopened",
  drainLive: "replay-draining",
  certify: "replay-certified",
  restoreLive: "replay-restored",
  swap: "replay-swapped",
  startLive: "replay-started",
  withdraw: "replay-withdrawn",
};

/** Does the steps of replays. Each may have been done before: then it changes nothing. */
export class ReplayActions {
  private readonly parts: ActionParts;

  constructor(parts: ActionParts) {
    this.parts = parts;
  }

  async do(action: ReplayAction, situation: Situation): Promise<Done> {
    switch (action) {
      case "none":
        return {};
      case "create":
        return this.create(situation.replay);
      case "runShadows":
        return this.setShadows(situation, "running");
      case "stopShadows":
        return this.setShadows(situation, "stopped");
      case "aim":
        return { target: await this.positionOfLive(situation), verdict: null };
      case "compare":
        return this.compare(situation);
      case "noteRunning":
        return { resuming: situation.parties.filter(({ live }) => live.desired === "running").map(({ job }) => job) };
      case "reopen":
        return this.reopen(situation);
      case "drainLive":
        return this.drainLive(situation);
      case "certify":
        return this.certify(situation);
      case "restoreLive":
        return this.restoreLive(situation.replay);
      case "swap":
        return this.swap(situation);
      case "startLive":
        return this.startLive(situation);
      case "withdraw":
        return this.withdraw(situation);
    }
  }

  private async create({ id, pipeline, generation, parent, request, plan }: ReplayRow): Promise<Done> {
    await this.parts.generations.create({
      pipeline,
      number: generation,
      parent,
      replay: id,
      jobs: plan.jobs.map(({ job }) => job),
      rules: plan.rules.stored,
      specs: request.specs,
      start: request.from.kind === "beginning" ? null : plan.start,
      inherits: inheritedBy(plan, request),
    });
    return {};
  }

  private async setShadows({ replay, target }: Situation, desired: "running" | "stopped"): Promise<Done> {
    if (target === null) return {};
    const { generations } = this.parts;
    if (desired === "running") await generations.setShadows(replay.pipeline, target.number, desired);
    else {
      const timeoutMs = Math.max(...replay.plan.jobs.map(({ drainTimeoutMs }) => drainTimeoutMs));
      await generations.setShadows(replay.pipeline, target.number, desired, { mode: "drain", timeoutMs });
    }
    return {};
  }

  private async positionOfLive({ parties }: Situation) {
    const positions = await Promise.all(parties.map((party) => this.parts.situations.positions(party)));
    return behindAll(positions.map(({ live }) => live?.through ?? {}));
  }

  private async compare({ replay, live, target }: Situation): Promise<Done> {
    if (live === null || target === null || replay.target === null) return {};
    const summary = this.parts.comparisons.take({
      replay: replay.id,
      left: live,
      right: target,
      at: replay.target,
      // What it has taken over it has.
      from: target.inherits === null ? (target.start ?? undefined) : undefined,
    });
    if (summary === null) return null;
    return { verdict: { at: replay.target, gates: evaluateGates(replay.request.gates, summary) } };
  }

  private async reopen({ replay, target }: Situation): Promise<Done> {
    const { pipeline } = replay;
    if (target === null) return {};
    await this.parts.generations.reopen(pipeline, target.number);
    return { certified: null, target: null, verdict: null };
  }

  private async drainLive({ replay, parties }: Situation): Promise<Done> {
    for (const { job, live } of parties) if (live.desired === "running") await this.request("stop", job, replay);
    return { certified: null };
  }

  private async certify(situation: Situation): Promise<Done> {
    const { topic, runs, situations } = this.parts;
    const noted = await Promise.all(
      situation.parties.map(async (party: Party) => {
        const { live } = await situations.positions(party);
        const [run] = await runs.list(party.job, 1, null);
        // The ledger may be a moment behind the certificate, and a run that was interrupted has none.
        const through = aheadOfAll([live?.through ?? {}, run?.certificate?.through[topic] ?? {}]);
        const { lowWatermark = null, finalThrough = null } = live ?? {};
        return [party.job, { through, lowWatermark, finalThrough }] as const;
      }),
    );
    const target = behindAll(noted.map(([, { through }]) => through));
    return { certified: Object.fromEntries(noted), target, verdict: null };
  }

  private async restoreLive(replay: ReplayRow): Promise<Done> {
    for (const job of replay.resuming) await this.request("start", job, replay);
    return { resuming: [], certified: null };
  }

  private async swap({ replay, target, live }: Situation): Promise<Done> {
    if (target === null || live === null) return {};
    const { pipeline, request, resuming } = replay;
    await this.parts.generations.promote(pipeline, target.number, {
      keptUntil: new Date(this.parts.clock.now().getTime() + request.keepMs),
      start: resuming,
      audit: this.auditOfSwap(replay, live, target),
    });
    return {};
  }

  private auditOfSwap(
    { id, requestedBy, requestId, state, override }: ReplayRow,
    live: GenerationDetails,
    target: GenerationDetails,
  ): AuditEntry {
    return {
      actor: override?.by ?? requestedBy,
      action: state === "rolling_back" ? "generation.rollback" : "generation.promote",
      target: `generation:${target.number}`,
      requestId,
      before: { live: live.number },
      after: { live: target.number, replay: id, ...(override === null ? {} : { gatesOverridden: override.reason }) },
    };
  }

  private async startLive({ replay }: Situation): Promise<Done> {
    for (const job of replay.resuming) await this.request("start", job, replay);
    return { resuming: [], certified: null };
  }

  private async withdraw({ replay, own, target }: Situation): Promise<Done> {
    await this.restoreLive(replay);
    if (target?.state === "shadow") {
      const { request, pipeline } = replay;
      // What was live once is kept: whoever gave up a roll back may try it again.
      const keptUntil = own === "never" ? null : new Date(this.parts.clock.now().getTime() + request.keepMs);
      await this.parts.generations.retire(pipeline, target.number, keptUntil);
    }
    return { resuming: [], certified: null, override: null, failure: null };
  }

  /** Starting what runs, and stopping what is stopped, succeeds at once. */
  private request(kind: "start" | "stop", job: string, { requestedBy, requestId }: ReplayRow) {
    const wish = { mode: "drain" as const, timeoutMs: null, force: false };
    return this.parts.operations.request(kind, job, wish, { by: requestedBy, requestId, idempotencyKey: null });
  }
}

/** The folder below the lake from which the new generation has the rows before its start: a replay of bronze leaves them out. */
function inheritedBy({ kafka, tables }: ReplayPlan, { from }: ReplayRequest): string | null {
  if (kafka.needed || from.kind === "beginning") return null;
  return tables[0]?.from ?? null;
}
