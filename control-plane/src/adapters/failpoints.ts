import { unlinkSync } from "node:fs";
import { join } from "node:path";
import type { Failpoint, FailpointName } from "../services/failpoint.ts";

/**
 * Places where a test can let this process die: a file of the place's name in `folder` arms it once.
 * @param folder null: no place is armed, and nothing is looked at
 */
export function createFailpoints(folder: string | null): Failpoint {
  if (folder === null) return () => undefined;
  return (name: FailpointName) => {
    try {
      unlinkSync(join(folder, name));
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
      throw error;
    }
    // As a power cut would: nothing is flushed, nobody is told.
    process.kill(process.pid, "SIGKILL");
  };
}
