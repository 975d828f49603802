import { randomUUID } from "node:crypto";
import type { OperationRequest } from "../domain/lifecycle/operation.ts";
import { DEFAULT_DRAIN_TIMEOUT_MS } from "../domain/specs/job-spec.ts";
import type { Failpoint } from "./failpoint.ts";
import { type Log, operationLog } from "./log.ts";
import { type Asked, idempotencyConflict, type NewRequest } from "./operations.ts";
import type { Platform } from "./platform.ts";
import type { CatalogStore, LaunchStore, OperationStore } from "./ports.ts";
import type { ApplicationRow, OperationRow } from "./rows.ts";

export interface ApplicationRestartDeps {
  platform: Platform;
  catalog: CatalogStore;
  launches: LaunchStore;
  store: OperationStore;
  onRequest: () => void;
  failpoint: Failpoint;
  log: Log;
}

/** Takes requests to restart applications: their jobs are stopped, the driver ends, and a new one gets the present spec. */
export class ApplicationRestarts {
  private readonly deps: ApplicationRestartDeps;

  constructor(deps: ApplicationRestartDeps) {
    this.deps = deps;
  }

  /**
   * Records what is asked for and answers at once. Without a timeout, the longest drain timeout of its jobs holds.
   * @throws Problem `unknown_application`; `conflict` when the idempotency key was used for something else
   */
  async request(name: string, wish: NewRequest, asked: Asked): Promise<OperationRow> {
    const { platform, store, onRequest, failpoint, log } = this.deps;
    const application = await platform.findApplication(name);
    const repeated = await this.repeated(name, asked.idempotencyKey);
    if (repeated !== null) return repeated;
    const pending = (await store.open()).find((operation) => operation.application === name);
    if (pending?.request.mode === wish.mode && !(await this.isOvertaken(pending, application))) return pending;
    const request: OperationRequest = { ...wish, timeoutMs: wish.timeoutMs ?? (await this.drainTimeout(name)) };
    const operation = await this.save(name, request, application.revision, asked);
    failpoint("operation-requested");
    operationLog(log, operation).info({ mode: request.mode, state: operation.state }, "operation requested");
    onRequest();
    return operation;
  }

  /** A restart has already submitted a driver, and with a spec that has changed since. */
  private async isOvertaken({ fromLaunch }: OperationRow, { name, revision }: ApplicationRow): Promise<boolean> {
    const open = (await this.deps.launches.open()).find((launch) => launch.application === name);
    return open !== undefined && open.id !== fromLaunch && open.spec !== null && open.specRevision !== revision;
  }

  private async drainTimeout(name: string): Promise<number> {
    const jobs = (await this.deps.catalog.jobs()).filter((job) => job.application === name);
    return Math.max(...jobs.map((job) => job.spec.drainTimeoutMs), jobs.length === 0 ? DEFAULT_DRAIN_TIMEOUT_MS : 0);
  }

  private async repeated(name: string, key: string | null): Promise<OperationRow | null> {
    if (key === null) return null;
    const before = await this.deps.store.findByKey(key);
    if (before === null || before.application === name) return before;
    throw idempotencyConflict(before);
  }

  /** Two requests with one key may arrive at the same time: the database lets one in, the other finds it. */
  private async save(name: string, request: OperationRequest, revision: number, asked: Asked): Promise<OperationRow> {
    try {
      return await this.deps.store.requestRestart({
        id: randomUUID(),
        application: name,
        request,
        idempotencyKey: asked.idempotencyKey,
        audit: {
          actor: asked.by,
          action: "application.restart",
          target: name,
          requestId: asked.requestId,
          before: null,
          after: { ...request, specRevision: revision },
        },
      });
    } catch (error) {
      const winner = await this.repeated(name, asked.idempotencyKey);
      if (winner !== null) return winner;
      throw error;
    }
  }
}
