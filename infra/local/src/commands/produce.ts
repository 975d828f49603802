import { loadSecrets } from "../secrets.ts";
import { nodeProgram } from "../services/node-program.ts";
import { PRODUCER_MAIN } from "../services/producer.ts";
import { stackEnvironment } from "../services/stack-environment.ts";
import { readSettings } from "../settings.ts";
import { runningSupervisor, stateFolder } from "../state-folder.ts";
import { UserError } from "../user-error.ts";
import type { Command } from "./command.ts";
import { runInForeground } from "./foreground.ts";

export const produce: Command = {
  name: "produce",
  summary: "produce events into the running stack",
  help: "",
  passesHelp: true,
  async run(args) {
    const settings = readSettings(process.env);
    const asksForHelp = args.includes("--help") || args.includes("-h");
    if (!asksForHelp && runningSupervisor(stateFolder(settings.stateDir)) === null) {
      throw new UserError('Penstock is not running: "npm run up" starts it.');
    }
    const { program, args: all } = nodeProgram(PRODUCER_MAIN, args);
    const env = { ...process.env, ...stackEnvironment({ settings, secrets: loadSecrets(settings.stateDir) }) };
    return await runInForeground(program, all, { env });
  },
};
