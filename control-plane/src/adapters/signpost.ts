import { createHmac } from "node:crypto";
import { replaceFile } from "./replace-file.ts";

/** Tells these signatures from any other that is ever made with the token. */
const PURPOSE = "penstock control planes";

/**
 * Says in a file in the lake where the control plane that decides is called, for runners that reach none they know.
 * Whoever writes to the lake could write it, and a runner's token goes to whom it names: so it is signed with that token.
 */
export function createSignpost(path: string, token: string): (controlPlanes: string[]) => Promise<void> {
  return async (controlPlanes) => {
    const signature = createHmac("sha256", token)
      .update([PURPOSE, ...controlPlanes].join("\n"))
      .digest("hex");
    await replaceFile(path, `${JSON.stringify({ controlPlanes, signature }, null, 2)}\n`);
  };
}
