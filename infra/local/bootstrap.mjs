// Runs on any Node from 20 and without node_modules: checks the machine, installs the npm packages,
// and hands over to the pinned Node.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { checkMachine } from "./bootstrap/machine.mjs";
import { ensurePackages } from "./bootstrap/packages.mjs";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..", "..");

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
}

async function main() {
  const { problem, notice } = checkMachine();
  if (problem) throw new Error(problem);
  if (notice) console.log(notice);
  const home = resolve(root, process.env.PENSTOCK_HOME || ".penstock");
  await ensurePackages(root, resolve(root, process.env.PENSTOCK_RUNTIME_DIR || join(home, "runtime")));
  handOver(pinnedNode());
}

function pinnedNode() {
  const pinned = join(root, "node_modules", ".bin", "node");
  if (existsSync(pinned)) return pinned;
  // There is no pinned Node for macOS.
  if (Number(process.versions.node.split(".")[0]) >= 24) return process.execPath;
  throw new Error(
    `The pinned Node is missing from node_modules and this one is ${process.versions.node}: run "npm ci", or use Node 24.`,
  );
}

/** @param {string} node */
function handOver(node) {
  const child = spawn(node, [join(root, "infra", "local", "src", "cli.ts"), ...process.argv.slice(2)], {
    stdio: "inherit",
  });
  // The terminal sends Ctrl-C to the whole group and npm sends it once more: the command itself tells one press from two.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    console.error(`Node does not start: ${error.message}`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : (code ?? 1)));
}
