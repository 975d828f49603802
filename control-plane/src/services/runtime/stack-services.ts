import { Problem } from "../../domain/problem.ts";
import { MOST_LOG_STREAMS, tooManyLogStreams } from "../log-streams.ts";
import type { AuditEntry } from "../rows.ts";
import type { ServiceRuntime, ServiceStats, ServiceView } from "./ports.ts";

export type ServiceAction = "start" | "stop" | "restart";

/** Who asks for an action. */
export interface ServiceAsked {
  by: string;
  requestId: string;
}

export type ServiceAnswer = Omit<ServiceView, "startedAt"> &
  ServiceStats & { startedAt: string | null; uptimeSeconds: number | null };

export interface StackServicesDeps {
  runtime: ServiceRuntime;
  audit: (entry: AuditEntry) => Promise<void>;
  clock: { now(): Date };
  /** ends this process; whoever runs it starts it again */
  endSelf: () => void;
}

/** The name of this process among the services. */
const SELF = "control-plane";
const NO_STATS: ServiceStats = { cpuPercent: null, memoryBytes: null, memoryLimitBytes: null };

/** The services of the stack: how they are, what they print, and starting and stopping one of them. */
export class StackServices {
  private readonly deps: StackServicesDeps;
  private followers = 0;

  constructor(deps: StackServicesDeps) {
    this.deps = deps;
  }

  /** By name. @throws Problem `dependency_unavailable` */
  async list(): Promise<{ runtime: ServiceRuntime["kind"]; items: ServiceAnswer[] }> {
    const { runtime } = this.deps;
    const views = await runtime.list();
    return { runtime: runtime.kind, items: await Promise.all(views.map((view) => this.describe(runtime, view))) };
  }

  /** @throws Problem `unknown_service`, `dependency_unavailable` */
  async get(name: string): Promise<ServiceAnswer> {
    const { runtime } = this.deps;
    return this.describe(runtime, await this.find(runtime, name));
  }

  /** @throws Problem `unknown_service`, `dependency_unavailable` */
  async logs(name: string, lines: number): Promise<string[]> {
    const { runtime } = this.deps;
    await this.find(runtime, name);
    return runtime.logs(name, lines);
  }

  /** @throws Problem `unknown_service`, `too_many_streams`, `dependency_unavailable` */
  async follow(name: string, lines: number, signal: AbortSignal): Promise<AsyncGenerator<string>> {
    const { runtime } = this.deps;
    await this.find(runtime, name);
    if (this.followers >= MOST_LOG_STREAMS) throw tooManyLogStreams("read without follow");
    return this.counted(runtime.follow(name, lines, signal));
  }

  /**
   * Returns when it is done; a restart of this control plane itself only begins then.
   * @throws Problem `unknown_service`, `conflict`, `dependency_unavailable`
   */
  async act(name: string, action: ServiceAction, asked: ServiceAsked): Promise<ServiceAnswer> {
    const { runtime } = this.deps;
    const before = await this.find(runtime, name);
    if (name === SELF && action === "stop") throw cannotStopItself();
    // Before it is done: of what is cut off in the middle, too, somebody has to be able to tell who wanted it.
    await this.deps.audit({
      actor: asked.by,
      action: `service.${action}`,
      target: name,
      requestId: asked.requestId,
      before: { state: before.state, startedAt: before.startedAt?.toISOString() ?? null },
      after: null,
    });
    if (name === SELF && action === "restart") this.deps.endSelf();
    else await runtime[action](name);
    return this.get(name);
  }

  private async *counted(text: AsyncGenerator<string>): AsyncGenerator<string> {
    this.followers += 1;
    try {
      yield* text;
    } finally {
      this.followers -= 1;
    }
  }

  private async find(runtime: ServiceRuntime, name: string): Promise<ServiceView> {
    const views = await runtime.list();
    const found = views.find((view) => view.name === name);
    if (found !== undefined) return found;
    throw new Problem({
      status: 404,
      code: "unknown_service",
      title: "No such service",
      detail: `This stack has no service ${JSON.stringify(name)}.`,
      next: `Known services: ${views.map((view) => view.name).join(", ") || "none"}.`,
    });
  }

  private async describe(runtime: ServiceRuntime, view: ServiceView): Promise<ServiceAnswer> {
    // It may stop while it is looked at: then there is nothing to tell.
    const stats = view.startedAt === null ? NO_STATS : await runtime.stats(view.name).catch(() => NO_STATS);
    const uptimeMs = view.startedAt === null ? null : this.deps.clock.now().getTime() - view.startedAt.getTime();
    return {
      ...view,
      ...stats,
      startedAt: view.startedAt?.toISOString() ?? null,
      uptimeSeconds: uptimeMs === null ? null : Math.max(0, Math.round(uptimeMs / 1000)),
    };
  }
}

function cannotStopItself(): Problem {
  return new Problem({
    status: 409,
    code: "conflict",
    title: "The control plane does not stop itself",
    detail: "Once it is stopped nobody can ask it to start again.",
    next: "Restart it here, or stop it where it was started: docker compose stop control-plane, or npm run down.",
  });
}
