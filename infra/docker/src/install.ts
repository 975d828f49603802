// Installs parts of the runtime while an image is built: `install.ts venv java`. The same code, the same pinned versions
// and checksums as for the stack without containers.
import { mkdirSync } from "node:fs";
import { installParts } from "../../local/src/install/runtime.ts";
import { readSettings } from "../../local/src/settings.ts";
import { UserError } from "../../local/src/user-error.ts";

try {
  const { runtime } = readSettings(process.env);
  mkdirSync(runtime.dir, { recursive: true });
  await installParts(runtime, process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
