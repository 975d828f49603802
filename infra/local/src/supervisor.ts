import { join } from "node:path";
import { type Backoff, STANDARD_BACKOFF } from "./backoff.ts";
import { MARKS } from "./leftovers.ts";
import { LogFile } from "./log-file.ts";
import type { Service } from "./services/service.ts";
import { type ServiceReport, SupervisedService } from "./supervised-service.ts";
import { UserError } from "./user-error.ts";

const ROTATION_CHECK_MS = 5_000;

export interface SupervisorOptions {
  readonly services: readonly Service[];
  readonly stateDir: string;
  readonly runtimeDir: string;
  /** Size in bytes from which a log is rotated. */
  readonly logSize: number;
  readonly backoff?: Backoff;
  /** How often logs are checked for their size, in milliseconds. */
  readonly rotationCheckMs?: number;
  /** Told whenever a service got ready. */
  readonly onReady?: (name: string, seconds: number) => void;
}

/** Runs the services of one stack. */
export class Supervisor {
  readonly #services = new Map<string, SupervisedService>();
  readonly #onReady: (name: string, seconds: number) => void;
  readonly #rotation: NodeJS.Timeout;
  #stopping = false;

  constructor(options: SupervisorOptions) {
    this.#onReady = options.onReady ?? (() => {});
    for (const service of options.services) {
      const log = new LogFile(join(options.stateDir, "logs", `${service.name}.log`), options.logSize);
      const marks = {
        [MARKS.stateDir]: options.stateDir,
        [MARKS.runtimeDir]: options.runtimeDir,
        [MARKS.service]: service.name,
      };
      this.#services.set(service.name, new SupervisedService(service, log, marks, options.backoff ?? STANDARD_BACKOFF));
    }
    this.#rotation = setInterval(() => {
      for (const { log } of this.#services.values()) log.rotateIfLarge();
    }, options.rotationCheckMs ?? ROTATION_CHECK_MS);
    this.#rotation.unref();
  }

  /** All services, in the order they were given. */
  reports(): ServiceReport[] {
    return [...this.#services.values()].map((service) => service.report());
  }

  /**
   * Starts everything, each service as soon as those it depends on are ready.
   *
   * @throws UserError of the first service that does not start
   */
  async start(): Promise<void> {
    const started = new Map<string, Promise<void>>();
    const startOne = (name: string): Promise<void> => {
      let promise = started.get(name);
      if (!promise) {
        const supervised = this.#find(name);
        promise = Promise.all(supervised.service.dependsOn.map(startOne)).then(async () => {
          if (this.#stopping) return;
          const began = Date.now();
          await supervised.start();
          if (supervised.report().state === "running") this.#onReady(name, (Date.now() - began) / 1000);
        });
        started.set(name, promise);
      }
      return promise;
    };
    await Promise.all([...this.#services.keys()].map(startOne));
  }

  /**
   * Stops everything, each service once those that need it have stopped.
   *
   * @param withinMs when this time is over, what still lives is killed
   */
  async stop(withinMs: number): Promise<void> {
    const deadline = Date.now() + withinMs;
    this.#stopping = true;
    clearInterval(this.#rotation);
    const stopped = new Map<string, Promise<void>>();
    const stopOne = (name: string): Promise<void> => {
      let promise = stopped.get(name);
      if (!promise) {
        const supervised = this.#find(name);
        promise = Promise.all(this.#stoppedBefore(name).map(stopOne)).then(async () => {
          await supervised.service.beforeShutdown?.(deadline);
          await supervised.stop(deadline);
        });
        stopped.set(name, promise);
      }
      return promise;
    };
    await Promise.all([...this.#services.keys()].map(stopOne));
  }

  /** Starts one service. @throws UserError when there is none of that name or it does not start */
  async startOne(name: string): Promise<void> {
    await this.#find(name).start();
  }

  /** Stops one service. @throws UserError when there is none of that name */
  async stopOne(name: string): Promise<void> {
    await this.#find(name).stop();
  }

  #stoppedBefore(name: string): string[] {
    return [...this.#services.values()]
      .filter(({ service }) => service.dependsOn.includes(name) || service.stopsBefore?.includes(name))
      .map(({ service }) => service.name);
  }

  #find(name: string): SupervisedService {
    const found = this.#services.get(name);
    if (found) return found;
    throw new UserError(`There is no service "${name}": expected one of ${[...this.#services.keys()].join(", ")}.`);
  }
}
