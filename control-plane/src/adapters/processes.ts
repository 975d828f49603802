import { existsSync, readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import type { RunnerProcess } from "../domain/sync.ts";
import type { Processes } from "../services/ports.ts";

/** Processes that nobody here can see: nothing is found out and nothing is killed. */
export const unseenProcesses: Processes = {
  alive: () => undefined,
  ofLaunch: async () => undefined,
  kill: () => undefined,
};

/** Processes of this machine through /proc; where there is none, they are unseen. */
export function createProcesses(): Processes {
  if (!existsSync("/proc/self/stat")) return unseenProcesses;
  return {
    alive: isAlive,

    async ofLaunch(launchId) {
      const mark = `PENSTOCK_LAUNCH_ID=${launchId}`;
      const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
      const found = await Promise.all(
        pids.map(async (pid) => {
          // Gone meanwhile, or another user's: then it is not ours.
          const environment = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
          if (!environment.split("\0").includes(mark)) return null;
          const ticks = startTicks(pid);
          return ticks === null ? null : { role: "driver", pid, startTicks: ticks };
        }),
      );
      return found.filter((process) => process !== null);
    },

    kill(target) {
      if (!isAlive(target)) return;
      try {
        process.kill(target.pid, "SIGKILL");
      } catch (error) {
        // It ended between the check and the signal.
        if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
      }
    },
  };
}

function isAlive({ pid, startTicks: expected }: RunnerProcess): boolean {
  const ticks = startTicks(pid);
  return ticks !== null && (expected === null || ticks === expected);
}

/** A pid with its start time names a process for ever; null when it is gone or a zombie. */
function startTicks(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command, in parentheses, may hold spaces and parentheses itself.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}
