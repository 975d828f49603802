import { existsSync } from "node:fs";
import { join } from "node:path";
import type { RuntimePaths } from "../settings.ts";
import type { Part } from "./part.ts";
import { runQuietly } from "./run-quietly.ts";
import { versionsFile, versionsText } from "./versions.ts";

/** PySpark (with all of Spark), Delta Lake's Python side and a Java runtime, in a virtual environment. */
export function venvPart(runtime: RuntimePaths): Part {
  return {
    name: "venv",
    title: "Python packages (Spark, Delta Lake, Java)",
    target: runtime.venv,
    madeInPlace: true,
    lock: () => [
      versionsText("python", "build.txt"),
      versionsText("python", "runtime.txt"),
      behindProxy() ? versionsText("python", "tls.txt") : "",
    ],
    async install(folder, { progress }) {
      await runQuietly("Making the virtual environment", process.env.PENSTOCK_BASE_PYTHON || "python3", [
        "-m",
        "venv",
        "--clear",
        folder,
      ]);
      await pipInstall(runtime, "build.txt", progress);
      await pipInstall(runtime, "runtime.txt", progress);
      if (behindProxy()) await pipInstall(runtime, "tls.txt", progress);
    },
  };
}

/** Linters, type checker and test runner of the Python part, into the same virtual environment. */
export function devToolsPart(runtime: RuntimePaths): Part {
  return {
    name: "dev-tools",
    title: "Python tools for the tests",
    target: join(runtime.dir, "dev-tools"),
    // The venv's lock belongs to it: a venv made anew has lost the tools.
    lock: () => [versionsText("python", "dev.txt"), ...venvPart(runtime).lock()],
    async install(_folder, { progress }) {
      await pipInstall(runtime, "dev.txt", progress);
    },
  };
}

/** True behind a proxy that opens TLS connections: its certificate authority is one that Java does not know. */
export function behindProxy(): boolean {
  const file = process.env.SSL_CERT_FILE;
  return Boolean(file && existsSync(file));
}

async function pipInstall(runtime: RuntimePaths, lock: string, progress: (note: string) => void): Promise<void> {
  const args = [
    "-m",
    "pip",
    "install",
    "--require-hashes",
    "--no-deps",
    "--no-input",
    "--no-compile",
    "--disable-pip-version-check",
    "--progress-bar=off",
  ];
  // The build tools are pinned as well: PySpark comes as a source archive.
  if (lock !== "build.txt") args.push("--no-build-isolation");
  await runQuietly(`pip install -r ${lock}`, runtime.python, [...args, "-r", versionsFile("python", lock)], {
    onLine: (line) => {
      const step = /^(Collecting|Downloading|Building wheel[s]? for|Installing collected packages)[: ]*(\S*)/.exec(
        line,
      );
      if (step) progress(`${step[1]} ${(step[2] ?? "").split("/").at(-1) ?? ""}`.slice(0, 60));
    },
  });
}
