import type { Command } from "./commands/command.ts";
import { doctor } from "./commands/doctor.ts";
import { down } from "./commands/down.ts";
import { logs } from "./commands/logs.ts";
import { faults, kills, replay, smoke, smokeDocker } from "./commands/on-own-stack.ts";
import { produce } from "./commands/produce.ts";
import { reset } from "./commands/reset.ts";
import { start } from "./commands/start.ts";
import { status } from "./commands/status.ts";
import { supervise } from "./commands/supervise.ts";
import { test } from "./commands/test.ts";
import { token } from "./commands/token.ts";
import { up } from "./commands/up.ts";
import { UserError } from "./user-error.ts";

const COMMANDS: readonly Command[] = [
  start,
  up,
  down,
  status,
  doctor,
  logs,
  reset,
  produce,
  token,
  smoke,
  smokeDocker,
  test,
  faults,
  kills,
  replay,
];

process.exitCode = await main(process.argv.slice(2));
// Whatever still waits (a poll, an open connection) must not keep a finished command alive.
process.exit();

async function main([name, ...rest]: readonly string[]): Promise<number> {
  // npm takes the separator away, a call without npm leaves it.
  const args = rest[0] === "--" ? rest.slice(1) : rest;
  if (name === undefined || name === "--help" || name === "help") {
    console.log(overview());
    return 0;
  }
  const command = [...COMMANDS, supervise].find((candidate) => candidate.name === name);
  if (!command) {
    console.error(`There is no command "${name}".\n\n${overview()}`);
    return 2;
  }
  if (!command.passesHelp && args.some((arg) => arg === "--help" || arg === "-h")) {
    console.log(command.help);
    return 0;
  }
  try {
    return await command.run(args);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.error(error.message);
    return 1;
  }
}

function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  return `Commands:\n${COMMANDS.map(({ name, summary }) => `  npm run ${name.padEnd(width)}  ${summary}`).join("\n")}\n\nEach has a --help: npm run status -- --help`;
}
