import { type ApplicationSpec, memoryMb, readApplicationSpec } from "../../domain/specs/application-spec.ts";
import { applicationChanges, needsRestart } from "../../domain/specs/spec-change.ts";
import type { ApplicationRestarts } from "../application-restarts.ts";
import type { Asked } from "../operation-requests.ts";
import type { Platform } from "../platform.ts";
import type { LaunchStore } from "../ports.ts";
import type { ApplicationRow } from "../rows.ts";
import type { SpecAnswer } from "./job-specs.ts";
import type { SpecStore } from "./ports.ts";
import { type ChangeRequest, readBody, requireRevision, staleRevision } from "./revisions.ts";
import type { Room } from "./room.ts";

export interface ApplicationSpecDeps {
  platform: Platform;
  launches: LaunchStore;
  store: SpecStore;
  room: Room;
  restarts: ApplicationRestarts;
  onChange: () => void;
}

/** Changes what applications are declared to be. */
export class ApplicationSpecs {
  private readonly deps: ApplicationSpecDeps;

  constructor(deps: ApplicationSpecDeps) {
    this.deps = deps;
  }

  /**
   * Replaces an application's spec.
   * @throws Problem `unknown_application`, `invalid_request`, `stale_revision`, `does_not_fit`
   */
  async put(name: string, request: ChangeRequest, asked: Asked): Promise<SpecAnswer<ApplicationSpec>> {
    const { platform, launches, room } = this.deps;
    const application = await platform.findApplication(name);
    requireRevision(request.expected, application.revision, `/v1/applications/${name}`);
    const spec = readBody(request.body, readApplicationSpec);
    const changes = applicationChanges(application.spec, spec);
    if (grows(application.spec, spec) && !request.force) await room.require({ application: name, spec }, null);
    const isSaved = changes.length > 0 && !request.dryRun;
    const revision = isSaved ? await this.save(application, spec, asked) : application.revision;
    const launch = (await launches.open()).find((open) => open.application === name);
    const restartPending = launch?.spec != null && needsRestart(applicationChanges(launch.spec, spec));
    const operation = restartPending && request.restart && !request.dryRun ? await this.restart(name, asked) : null;
    return {
      dryRun: request.dryRun,
      effect: launch?.spec != null && needsRestart(changes) ? "restart" : "none",
      changes,
      restartPending,
      specRevision: revision,
      spec,
      operation,
    };
  }

  private async restart(name: string, asked: Asked): Promise<string> {
    const request = { mode: "drain" as const, timeoutMs: null, force: false };
    return (await this.deps.restarts.request(name, request, asked)).id;
  }

  private async save(application: ApplicationRow, spec: ApplicationSpec, asked: Asked): Promise<number> {
    const { store, platform, onChange } = this.deps;
    const { name, revision } = application;
    const saved = await store.saveApplication({
      of: name,
      revision,
      spec,
      audit: {
        actor: asked.by,
        action: "application.spec",
        target: name,
        requestId: asked.requestId,
        before: application.spec,
        after: spec,
      },
    });
    if (saved === null) {
      const { revision: newest } = await platform.findApplication(name);
      throw staleRevision(`revision ${revision}`, newest, `/v1/applications/${name}`);
    }
    onChange();
    return saved;
  }
}

/** Less than now always fits as well as now does, and may be what makes room. */
function grows(before: ApplicationSpec, after: ApplicationSpec): boolean {
  return (
    after.cores > before.cores ||
    memoryMb(after.driverMemory) > memoryMb(before.driverMemory) ||
    memoryMb(after.executorMemory) > memoryMb(before.executorMemory)
  );
}
