import type { Journal } from "../journal.ts";
import type { Log } from "../log.ts";
import type { ServiceRuntime } from "./ports.ts";

/** Writes into the journal what happens to the services. Only the control plane that decides starts it. */
export class ServiceWatch {
  private readonly runtime: ServiceRuntime;
  private readonly journal: Journal;
  private readonly log: Log;
  private gone: AbortController | null = null;

  constructor(deps: { runtime: ServiceRuntime; journal: Journal; log: Log }) {
    this.runtime = deps.runtime;
    this.journal = deps.journal;
    this.log = deps.log;
  }

  start(): void {
    if (this.gone !== null) return;
    const { kind } = this.runtime;
    this.gone = new AbortController();
    this.runtime
      .watch(({ name, what, detail }) => {
        this.journal
          .record({ type: "service.changed", subjects: [name], data: { what, runtime: kind, ...detail } })
          .catch((error: unknown) => this.log.warn({ err: error, service: name }, "an event is not in the journal"));
      }, this.gone.signal)
      .catch((error: unknown) => this.log.warn({ err: error }, "services are not watched any more"));
  }

  stop(): void {
    this.gone?.abort();
    this.gone = null;
  }
}
