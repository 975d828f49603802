import { rm } from "node:fs/promises";

/** Deletes a folder with all that is in it; there may be none. */
export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}
