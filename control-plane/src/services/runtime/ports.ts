/** What a service of the stack can be. `failed`: it ended by itself and nothing starts it again. */
export const SERVICE_STATES = ["running", "starting", "restarting", "paused", "stopping", "stopped", "failed"] as const;
export type ServiceState = (typeof SERVICE_STATES)[number];

export const SERVICE_HEALTHS = ["healthy", "unhealthy", "starting"] as const;

/** A service of the stack: a container, or a process of this machine. */
export interface ServiceView {
  /** unique; where a service runs several times, the second one is `spark-worker-2` */
  name: string;
  state: ServiceState;
  /** null where nobody looks at it */
  health: (typeof SERVICE_HEALTHS)[number] | null;
  /** how it ended, where it did not end because somebody wanted it to */
  reason: string | null;
  /** starts that nobody asked for */
  restarts: number;
  /** null where there is none, as for a process */
  image: string | null;
  /** null while it does not run */
  startedAt: Date | null;
}

export interface ServiceStats {
  /** of one core: 200 is two cores; null while it does not run */
  cpuPercent: number | null;
  memoryBytes: number | null;
  /** null where there is none */
  memoryLimitBytes: number | null;
}

/** Something that happened to a service, as whoever runs it tells. */
export interface ServiceChange {
  name: string;
  /** `started`, `died`, `healthy`, … */
  what: string;
  detail: Record<string, unknown>;
}

/**
 * How the services of the stack are run: as containers of one Compose project, or as processes of this machine's
 * supervisor. Names are those of `list`; what is not in it cannot be touched.
 */
export interface ServiceRuntime {
  readonly kind: "docker" | "local";
  /** by name. @throws Problem `dependency_unavailable` */
  list(): Promise<ServiceView[]>;
  stats(name: string): Promise<ServiceStats>;
  start(name: string): Promise<void>;
  stop(name: string): Promise<void>;
  restart(name: string): Promise<void>;
  /** the last lines of what it printed */
  logs(name: string, lines: number): Promise<string[]>;
  /** the same as text, and then what is added, until the signal comes */
  follow(name: string, lines: number, signal: AbortSignal): AsyncGenerator<string>;
  /** Tells of changes until the signal comes; goes on by itself after an interruption. */
  watch(onChange: (change: ServiceChange) => void, signal: AbortSignal): Promise<void>;
}
