import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RuntimePaths } from "../settings.ts";

/** What an install step may use. */
export interface InstallContext {
  readonly runtime: RuntimePaths;
  /** Says in a few words what goes on within the step. */
  progress(note: string): void;
}

/** One thing that is installed under the runtime folder, as a whole or not at all. */
export interface Part {
  readonly name: string;
  /** What the user reads, such as `Kafka broker`. */
  readonly title: string;
  /** Texts that decide what gets installed: when one changes, the part is installed anew. */
  lock(): readonly string[];
  /** Where the part ends up, absolute. */
  readonly target: string;
  /** True when the part cannot be moved once it is made (a venv holds its own path). */
  readonly madeInPlace?: boolean;
  /** Fills the folder, which exists and is empty. */
  install(folder: string, context: InstallContext): Promise<void>;
}

function stampPath(runtime: RuntimePaths, part: Part): string {
  return join(runtime.dir, "stamps", part.name);
}

function lockHash(part: Part): string {
  const hash = createHash("sha256");
  for (const text of part.lock()) hash.update(text).update("\0");
  return hash.digest("hex");
}

/** True when the part is there and made from the present lock. */
export function isInstalled(runtime: RuntimePaths, part: Part): boolean {
  const stamp = stampPath(runtime, part);
  return existsSync(part.target) && existsSync(stamp) && readFileSync(stamp, "utf8") === lockHash(part);
}

/**
 * Installs the part. The stamp goes first and comes back last: whatever interrupts this, the next run sees a missing
 * stamp and begins again.
 */
export async function installPart(part: Part, context: InstallContext): Promise<void> {
  const stamp = stampPath(context.runtime, part);
  rmSync(stamp, { force: true });
  const draft = part.madeInPlace ? part.target : join(context.runtime.dir, "drafts", part.name);
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true });
  await part.install(draft, context);
  if (!part.madeInPlace) {
    rmSync(part.target, { recursive: true, force: true });
    renameSync(draft, part.target);
  }
  mkdirSync(join(stamp, ".."), { recursive: true });
  writeFileSync(stamp, lockHash(part));
}
