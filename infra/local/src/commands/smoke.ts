import { join } from "node:path";
import { ensureRuntime } from "../install/runtime.ts";
import { CHECKOUT } from "../root.ts";
import { nodeProgram } from "../services/node-program.ts";
import { readSettings } from "../settings.ts";
import type { Command } from "./command.ts";
import { runInForeground } from "./foreground.ts";

export const smoke: Command = {
  name: "smoke",
  summary: "the main job on 50,000 seeded events, compared with an independent count to the cent",
  help: "",
  passesHelp: true,
  async run(args) {
    const settings = readSettings(process.env);
    const { program, args: all } = nodeProgram(join(CHECKOUT, "test", "smoke", "main.ts"), args);
    await ensureRuntime(settings.runtime);
    // Its stack has a state folder of its own, and what is installed is shared.
    const env = { ...process.env, PENSTOCK_RUNTIME_DIR: settings.runtime.dir };
    return await runInForeground(program, all, { env, cwd: CHECKOUT });
  },
};
