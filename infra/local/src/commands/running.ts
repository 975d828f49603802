import { alreadyRunning } from "../local-stack.ts";
import type { Settings } from "../settings.ts";
import { runningSupervisor, stateFolder } from "../state-folder.ts";
import { UserError } from "../user-error.ts";

/** @throws UserError when a supervisor runs this stack */
export function refuseIfRunning(settings: Settings): void {
  const pid = runningSupervisor(stateFolder(settings.stateDir));
  if (pid !== null) throw new UserError(alreadyRunning(pid));
}
