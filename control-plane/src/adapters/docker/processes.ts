import type { Log } from "../../services/log.ts";
import type { Clock, Processes } from "../../services/ports.ts";
import type { Container, DockerEngine } from "./engine.ts";

/** The only columns that the proxy before the engine lets through. */
const COLUMNS = "-eo pid,args";
const RUNNING = ["running", "paused"];
/** In none of these states a container has processes: with its first one the kernel ends all others. */
const EMPTY = ["created", "exited", "dead", "removing"];
/** How long the Spark worker may take for a kill that it was asked for: 10 s until SIGKILL, and some more. */
const WORKER_KILLS_WITHIN_MS = 20_000;

/**
 * Processes in the containers of the project. A driver is recognised by its command, which names its launch: so one that
 * never called home is found as well, whichever container it runs in, and none is missed unless a container cannot be asked.
 *
 * Killing is the Spark worker's business, which is asked over the master. A driver that is still there after 20 s loses its
 * container, with whatever else runs in it: the engine has no other way to end a process that is safe to hand out.
 */
export function createContainerProcesses(engine: DockerEngine, clock: Clock, log: Log): Processes {
  const containerOf = new Map<number, Container>();
  const askedAt = new Map<number, number>();

  return {
    // A pid of a container says nothing out here; `ofLaunch` asks.
    alive: () => undefined,

    async ofLaunch(launchId) {
      const found = await processesOf(engine, `--launch ${launchId}`);
      if (found === null) return undefined;
      for (const { pid, container } of found) containerOf.set(pid, container);
      return found.map(({ pid }) => ({ role: "driver", pid, startTicks: null }));
    },

    kill({ pid }) {
      const container = containerOf.get(pid);
      const now = clock.now().getTime();
      const first = askedAt.get(pid) ?? now;
      askedAt.set(pid, first);
      if (container === undefined || now - first < WORKER_KILLS_WITHIN_MS) return;
      askedAt.delete(pid);
      log.warn({ container: container.name, pid }, "the worker did not end a driver: its container is restarted");
      engine.patient
        .getContainer(container.id)
        .restart({ t: 0 })
        .catch((error: unknown) => log.warn({ err: error, container: container.name }, "cannot restart a container"));
    },
  };
}

/** @returns null when not every container could be asked */
async function processesOf(
  engine: DockerEngine,
  mark: string,
): Promise<{ pid: number; container: Container }[] | null> {
  try {
    const containers = await engine.containers();
    if (containers.some(({ state }) => !RUNNING.includes(state) && !EMPTY.includes(state))) return null;
    const running = containers.filter(({ state }) => RUNNING.includes(state));
    const lists = await Promise.all(
      running.map(async (container) => {
        const answer: unknown = await engine.docker.getContainer(container.id).top({ ps_args: COLUMNS });
        const { Processes: rows } = answer as { Processes: [pid: string, command: string][] };
        const found = rows.filter(([, command]) => `${command} `.includes(`${mark} `));
        return found.map(([pid]) => ({ pid: Number(pid), container }));
      }),
    );
    return lists.flat();
  } catch {
    // One that stopped meanwhile, or an engine that does not answer: the next look tells.
    return null;
  }
}
