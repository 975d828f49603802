import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import { endProcesses, stackProcesses } from "../src/leftovers.ts";

const folders: string[] = [];

/** A state folder for one test; afterwards it is gone, and so is every process that carries its mark. */
export function temporaryStateFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "penstock-unit-"));
  folders.push(folder);
  return folder;
}

afterEach(async () => {
  for (const folder of folders.splice(0)) {
    await endProcesses(stackProcesses(folder), 0);
    rmSync(folder, { recursive: true, force: true });
  }
});
