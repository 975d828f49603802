import { readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { unlessMissing } from "./unless-missing.ts";

/** Deletes a folder, and what lies beside it under its name and a further ending; there may be neither. */
export async function removeFolder(folder: string): Promise<void> {
  const [parent, name] = [dirname(folder), basename(folder)];
  const beside = (await unlessMissing(readdir(parent))) ?? [];
  const mine = beside.filter((each) => each === name || each.startsWith(`${name}.`));
  for (const each of mine) await rm(join(parent, each), { recursive: true, force: true });
}
