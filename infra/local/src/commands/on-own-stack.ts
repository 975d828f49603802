import { join } from "node:path";
import { ensureRuntime } from "../install/runtime.ts";
import { CHECKOUT } from "../root.ts";
import { nodeProgram } from "../services/node-program.ts";
import { readSettings } from "../settings.ts";
import type { Command } from "./command.ts";
import { runInForeground } from "./foreground.ts";

/** Options with which nothing is run. */
const ASKS_ONLY = ["--help", "-h", "--list"];

export const smoke: Command = {
  name: "smoke",
  summary: "the main job on 50,000 seeded events, compared with an independent count to the cent",
  help: "",
  passesHelp: true,
  run: (args) => runOnOwnStack("smoke", args),
};

export const kills: Command = {
  name: "test:kills",
  summary: "nasty events without and with kill -9 of the driver, ten times: every figure must be the same",
  help: "",
  passesHelp: true,
  run: (args) =>
    runOnOwnStack("smoke", [
      "--mix",
      "nasty",
      "--count",
      "200000",
      "--kills",
      "10",
      "--crossed",
      "--timeout",
      "15m",
      ...args,
    ]),
};

export const faults: Command = {
  name: "test:faults",
  summary: "lets processes die and dependencies go away, and compares every figure afterwards",
  help: "",
  passesHelp: true,
  run: (args) => runOnOwnStack("faults", args),
};

export const replay: Command = {
  name: "test:replay",
  summary: "replays while events flow, promotes, rolls back, and kills the control plane at every step",
  help: "",
  passesHelp: true,
  run: (args) => runOnOwnStack("replay", args),
};

export const smokeDocker: Command = {
  name: "smoke:docker",
  summary: "the main job in containers, with the worker and the master killed, compared in the same way",
  help: "",
  passesHelp: true,
  // Nothing has to be installed here: images hold what the stack needs.
  async run(args) {
    const { program, args: all } = nodeProgram(join(CHECKOUT, "infra", "docker", "smoke", "main.ts"), args);
    return await runInForeground(program, all, { cwd: CHECKOUT });
  },
};

/** Runs `test/<folder>/main.ts`, which makes a stack with a state folder of its own; what is installed is shared. */
async function runOnOwnStack(folder: string, args: readonly string[]): Promise<number> {
  const settings = readSettings(process.env);
  const { program, args: all } = nodeProgram(join(CHECKOUT, "test", folder, "main.ts"), args);
  // Minutes of installing are no answer to somebody who wants to read what there is.
  if (!args.some((arg) => ASKS_ONLY.includes(arg))) await ensureRuntime(settings.runtime);
  const env = { ...process.env, PENSTOCK_RUNTIME_DIR: settings.runtime.dir };
  return await runInForeground(program, all, { env, cwd: CHECKOUT });
}
