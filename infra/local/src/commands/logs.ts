import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { lastLines } from "../log-file.ts";
import { SERVICE_NAMES } from "../service-names.ts";
import { readSettings } from "../settings.ts";
import { stateFolder } from "../state-folder.ts";
import { UserError } from "../user-error.ts";
import { type Command, readOptions } from "./command.ts";

const NAMES = [...SERVICE_NAMES, "supervisor"];
const FOLLOW_POLL_MS = 250;

export const logs: Command = {
  name: "logs",
  summary: "what a service printed",
  help: `Usage: npm run logs -- <service> [-n LINES] [-f]

  <service>        one of ${NAMES.join(", ")}
  -n, --lines N    how many lines from the end (50)
  -f, --follow     go on with what comes`,
  async run(args) {
    const options = { lines: { type: "string", short: "n" }, follow: { type: "boolean", short: "f" } } as const;
    const { values, positionals } = readOptions("logs", args, options, true);
    const [service, extra] = positionals;
    if (service === undefined || extra !== undefined)
      throw new UserError(`Name one service: npm run logs -- <${NAMES.join("|")}>`);
    if (!NAMES.includes(service))
      throw new UserError(`There is no service "${service}": expected one of ${NAMES.join(", ")}.`);
    const lines = values.lines ?? "50";
    if (!/^\d+$/.test(lines)) throw new UserError(`--lines is "${lines}": expected a whole number.`);
    const path = join(stateFolder(readSettings(process.env).stateDir).logs, `${service}.log`);
    if (!existsSync(path)) throw new UserError(`${path} does not exist: ${service} has not been started yet.`);
    for (const line of lastLines(path, Number(lines))) console.log(line);
    if (values.follow) await follow(path);
    return 0;
  },
};

async function follow(path: string): Promise<never> {
  const file = openSync(path, "r");
  process.on("exit", () => closeSync(file));
  let position = fstatSync(file).size;
  const buffer = Buffer.alloc(64 * 1024);
  for (;;) {
    // Rotation empties the file.
    if (fstatSync(file).size < position) position = 0;
    const length = readSync(file, buffer, 0, buffer.length, position);
    position += length;
    if (length > 0) process.stdout.write(buffer.subarray(0, length));
    else await delay(FOLLOW_POLL_MS);
  }
}
