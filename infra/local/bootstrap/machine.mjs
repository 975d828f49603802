// What the machine must bring along: everything else is installed under the runtime folder.
import { spawnSync } from "node:child_process";

const PYTHON_PROBE =
  "import sys, json\n" +
  "missing = []\n" +
  "for name in ('venv', 'ensurepip'):\n" +
  "    try: __import__(name)\n" +
  "    except ImportError: missing.append(name)\n" +
  "print(json.dumps({'version': list(sys.version_info[:2]), 'missing': missing}))";

/**
 * @returns {{ problem: string | null, notice: string | null }} a sentence with the next step when something is missing
 */
export function checkMachine() {
  const major = Number(process.versions.node.split(".")[0]);
  if (major < 20) {
    return refusal(
      `Penstock needs Node 20 or newer, this is Node ${process.versions.node}: install a newer one from your package manager and run the command again.`,
    );
  }
  if (process.platform !== "linux" && process.platform !== "darwin") {
    return refusal(
      `Penstock runs on Linux (macOS untested), not on ${process.platform}: run it in a Linux machine, on Windows in WSL 2.`,
    );
  }
  if (process.arch !== "x64" && process.arch !== "arm64") {
    return refusal(`Penstock runs on x64 and arm64 processors, not on ${process.arch}.`);
  }
  const problem = checkPython();
  if (problem) return refusal(problem);
  return {
    problem: null,
    notice:
      process.platform === "darwin" ? "macOS is untested: expect rough edges; Linux is what this is tested on." : null,
  };
}

/** @param {string} problem */
function refusal(problem) {
  return { problem, notice: null };
}

function checkPython() {
  const python = process.env.PENSTOCK_BASE_PYTHON || "python3";
  const probe = spawnSync(python, ["-c", PYTHON_PROBE], { encoding: "utf8" });
  if (probe.error || probe.status !== 0) {
    return `Penstock needs Python 3.10 or newer, and "${python}" does not run: install it (Debian, Ubuntu: sudo apt install python3 python3-venv) or name one by PENSTOCK_BASE_PYTHON.`;
  }
  const { version, missing } = JSON.parse(probe.stdout);
  if (version[0] !== 3 || version[1] < 10) {
    return `Penstock needs Python 3.10 or newer, "${python}" is ${version.join(".")}: install a newer one and name it by PENSTOCK_BASE_PYTHON=/path/to/python3.`;
  }
  if (missing.length > 0) {
    return `"${python}" lacks its module${missing.length > 1 ? "s" : ""} ${missing.join(" and ")}: install ${missing.length > 1 ? "them" : "it"} (Debian, Ubuntu: sudo apt install python3-venv) and run the command again.`;
  }
  return null;
}
