import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ensureRuntime } from "../install/runtime.ts";
import { CHECKOUT } from "../root.ts";
import { readSettings } from "../settings.ts";
import { makeStateFolder, stateFolder } from "../state-folder.ts";
import { onStopSignals } from "../stop-signals.ts";
import { askSupervisor } from "../supervisor-client.ts";
import { urlLines } from "../urls.ts";
import { UserError } from "../user-error.ts";
import { type Command, readOptions } from "./command.ts";
import { refuseIfRunning } from "./running.ts";

const POLL_MS = 200;

export const up: Command = {
  name: "up",
  summary: "the same in the background",
  help: `Usage: npm run up

Starts everything in the background and returns when all services are ready. "npm run status" shows how it is,
"npm run down" stops it.`,
  async run(args) {
    readOptions("up", args, {});
    const settings = readSettings(process.env);
    refuseIfRunning(settings);
    await ensureRuntime(settings.runtime);
    const folder = stateFolder(settings.stateDir);
    makeStateFolder(folder);
    const logPath = join(folder.logs, "supervisor.log");
    const log = openSync(logPath, "a", 0o640);
    let shown = statSync(logPath).size;
    const supervisor = spawn(process.execPath, [join(CHECKOUT, "infra", "local", "src", "cli.ts"), "supervise"], {
      detached: true,
      stdio: ["ignore", log, log],
      cwd: CHECKOUT,
    });
    closeSync(log);
    let interrupted = false;
    onStopSignals(
      () => {
        interrupted = true;
        supervisor.kill("SIGTERM");
      },
      () => supervisor.kill("SIGTERM"),
    );
    let ended: string | null = null;
    supervisor.once("error", (error) => (ended = error.message));
    supervisor.once("exit", (code, signal) => (ended = signal ?? `exit code ${code}`));
    for (;;) {
      const report = await askSupervisor(folder.socket);
      shown = showNew(logPath, shown);
      if (ended !== null && interrupted) return 130;
      if (ended !== null) throw new UserError(`Penstock did not start (${ended}).`);
      if (report?.supervisor.pid === supervisor.pid && report?.supervisor.state === "running") break;
      await delay(POLL_MS);
    }
    supervisor.unref();
    for (const line of urlLines(settings)) console.log(line);
    console.log("npm run status shows how it is, npm run down stops it.");
    return 0;
  },
};

function showNew(path: string, from: number): number {
  const content = readFileSync(path);
  process.stdout.write(content.subarray(from));
  return content.length;
}
