import { rmSync } from "node:fs";
import { join } from "node:path";
import { waitForLock } from "../../bootstrap/lock.mjs";
import { endProcesses, MARKS, orphanedInstallers, servicesUsing } from "../leftovers.ts";
import type { RuntimePaths } from "../settings.ts";
import { UserError } from "../user-error.ts";
import { jarsPart, registryPart } from "./jars.ts";
import { javaPart } from "./java.ts";
import { installPart, isInstalled, type Part } from "./part.ts";
import { postgresPart } from "./postgres.ts";
import { StepDisplay } from "./step-display.ts";
import { devToolsPart, venvPart } from "./venv.ts";

/**
 * Installs what is missing below the runtime folder, or whose lock changed; does nothing when all is there.
 *
 * @param devTools whether the tools of the tests are needed, too
 * @throws UserError when a step fails, or when a running stack uses what would be replaced
 */
export async function ensureRuntime(runtime: RuntimePaths, devTools = false): Promise<void> {
  const parts = runtimeParts(runtime, devTools);
  const isMissing = (part: Part): boolean => !isInstalled(runtime, part);
  if (!parts.some(isMissing)) return;
  const lock = await waitForLock(join(runtime.dir, "install.lock"), (pid) =>
    console.log(`Another install is running (pid ${pid}): waiting for it.`),
  );
  try {
    const missing = parts.filter(isMissing);
    if (missing.some((part) => part.name !== "dev-tools")) refuseWhileUsed(runtime);
    await endProcesses(orphanedInstallers(runtime.dir), 0);
    process.env[MARKS.installing] = runtime.dir;
    const started = Date.now();
    for (const [index, part] of missing.entries()) await install(runtime, part, `${index + 1}/${missing.length}`);
    rmSync(join(runtime.dir, "drafts"), { recursive: true, force: true });
    if (missing.length > 0)
      console.log(`Installed in ${((Date.now() - started) / 1000).toFixed(0)} s under ${runtime.dir}`);
  } finally {
    delete process.env[MARKS.installing];
    lock.release();
  }
}

/**
 * Installs some parts by name: for images, which are built one layer after the other.
 *
 * @throws UserError when there is no such part or a step fails
 */
export async function installParts(runtime: RuntimePaths, names: readonly string[]): Promise<void> {
  const parts = runtimeParts(runtime, false);
  for (const name of names) {
    const part = parts.find((candidate) => candidate.name === name);
    if (!part) throw new UserError(`"${name}" is no part: expected some of ${parts.map((p) => p.name).join(", ")}.`);
    if (!isInstalled(runtime, part)) await install(runtime, part, name);
  }
  rmSync(join(runtime.dir, "drafts"), { recursive: true, force: true });
}

function runtimeParts(runtime: RuntimePaths, devTools: boolean): Part[] {
  const parts = [
    venvPart(runtime),
    javaPart(runtime),
    jarsPart("connectors", "Spark connectors (Kafka, Avro, Delta Lake)", runtime.connectors),
    jarsPart("broker", "Kafka broker", runtime.broker),
    registryPart(runtime),
    postgresPart(runtime),
  ];
  return devTools ? [...parts, devToolsPart(runtime)] : parts;
}

async function install(runtime: RuntimePaths, part: Part, position: string): Promise<void> {
  const display = new StepDisplay(`[${position}] ${part.title}`);
  try {
    await installPart(part, { runtime, progress: (note) => display.note(note) });
    display.done();
  } finally {
    display.close();
  }
}

/** Replacing jars under a running JVM crashes it in ways that look like anything but that. */
function refuseWhileUsed(runtime: RuntimePaths): void {
  const user = servicesUsing(runtime.dir)[0];
  if (!user) return;
  throw new UserError(
    `What is installed under ${runtime.dir} has to change, but a running stack uses it (${user.service}, pid ${user.pid}): stop that stack first (npm run down).`,
  );
}
