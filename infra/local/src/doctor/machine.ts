import { spawnSync } from "node:child_process";
import { existsSync, statfsSync } from "node:fs";
import { freemem } from "node:os";
import { dirname } from "node:path";
import { bytesText } from "../figures.ts";
import type { Settings } from "../settings.ts";
import type { Check } from "./check.ts";

const NEEDED_MEMORY_BYTES = 4e9;

/** A look at this machine. What runs the command is there already: Node and Python were checked before it. */
export function machineChecks(settings: Settings): Check[] {
  return [
    { title: "Memory", look: async () => memory() },
    { title: "Disk", look: async () => disk(settings) },
    { title: "Installed software", look: async () => installed(settings) },
    { title: "Docker", look: async () => docker() },
  ];
}

function memory() {
  const free = process.availableMemory?.() ?? freemem();
  const text = `${bytesText(free)} available, of about 4 GB that a stack needs`;
  return { status: free < NEEDED_MEMORY_BYTES ? ("warn" as const) : ("ok" as const), text };
}

function disk({ stateDir, diskWarn }: Settings) {
  let folder = stateDir;
  while (!existsSync(folder)) folder = dirname(folder);
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  return {
    status: free < diskWarn.bytes ? ("warn" as const) : ("ok" as const),
    text: `${bytesText(free)} free at ${folder}`,
  };
}

function installed({ runtime }: Settings) {
  const missing = [runtime.python, runtime.javaHome, runtime.broker, runtime.registry, runtime.connectors].filter(
    (path) => !existsSync(path),
  );
  return missing.length === 0
    ? { status: "ok" as const, text: `complete at ${runtime.dir}` }
    : { status: "warn" as const, text: `not at ${runtime.dir} yet`, next: "npm start installs it" };
}

function docker() {
  const answer = spawnSync("docker", ["version", "--format", "{{.Server.Version}}"], {
    encoding: "utf8",
    timeout: 10_000,
  });
  if (answer.status === 0) return { status: "ok" as const, text: `engine ${answer.stdout.trim()}` };
  const text = answer.error ? "there is no program docker" : (answer.stderr.trim().split("\n").at(-1) ?? "");
  return { status: "warn" as const, text: `${text}; only docker compose up needs it` };
}
