import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** Writes a small file that others read meanwhile: they see the old or the new text, never half of one. Does nothing where it is the same. */
export async function replaceFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  if ((await readFile(path, "utf8").catch(() => null)) === text) return;
  // Of its own: somebody else may be writing the same file, such as a control plane that has just lost its turn.
  const fresh = `${path}.${randomUUID()}.new`;
  try {
    const file = await open(fresh, "w");
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(fresh, path);
  } finally {
    await rm(fresh, { force: true });
  }
}
