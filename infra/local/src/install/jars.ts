import { createHash } from "node:crypto";
import { createReadStream, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { RuntimePaths } from "../settings.ts";
import { UserError } from "../user-error.ts";
import type { InstallContext, Part } from "./part.ts";
import { runQuietly } from "./run-quietly.ts";
import { trustStoreFlags } from "./trust-store.ts";
import { versionsFile, versionsText } from "./versions.ts";

type JarList = "broker" | "connectors" | "registry";

/** Jars of one list, retrieved by the Ivy that PySpark carries. */
export function jarsPart(name: JarList, title: string, target: string): Part {
  return {
    name,
    title,
    target,
    lock: () => jarsLock(name),
    install: (folder, context) => retrieve(name, folder, context),
  };
}

/** The schema registry: one archive, unpacked. */
export function registryPart(runtime: RuntimePaths): Part {
  return {
    name: "registry",
    title: "Schema registry",
    target: runtime.registry,
    lock: () => jarsLock("registry"),
    async install(folder, context) {
      const download = join(folder, "download");
      await retrieve("registry", download, context);
      context.progress("unpacking");
      const archive = readdirSync(download)[0] ?? "";
      await runQuietly("Unpacking the schema registry", "tar", ["-xzf", join(download, archive), "-C", folder]);
      rmSync(download, { recursive: true });
    },
  };
}

function jarsLock(name: JarList): string[] {
  return [
    versionsText("jars", `${name}.xml`),
    versionsText("jars", "settings.xml"),
    checksumsOf(name)
      .map(([file, sum]) => `${file} ${sum}`)
      .join("\n"),
  ];
}

function checksumsOf(name: JarList): [file: string, sha256: string][] {
  return versionsText("jars", "artifacts.sha256")
    .split("\n")
    .map((line) => line.split("  "))
    .filter((fields): fields is [string, string] => fields[1]?.startsWith(`${name}/`) === true)
    .map(([sum, path]) => [path.slice(name.length + 1), sum]);
}

async function retrieve(name: JarList, folder: string, { runtime, progress }: InstallContext): Promise<void> {
  const cache = join(runtime.dir, "drafts", `ivy-${name}`);
  const wanted = checksumsOf(name);
  let fetched = 0;
  mkdirSync(folder, { recursive: true });
  try {
    await runQuietly(
      `Retrieving ${name}`,
      join(runtime.javaHome, "bin", "java"),
      [
        "-XX:+UseSerialGC",
        ...(await trustStoreFlags(runtime)),
        ...proxyFlags(process.env),
        ...["-cp", join(runtime.sparkHome, "jars", "*"), "org.apache.ivy.Main"],
        ...["-settings", versionsFile("jars", "settings.xml"), "-ivy", versionsFile("jars", `${name}.xml`)],
        ...["-cache", cache, "-retrieve", join(folder, "[artifact]-[revision](-[classifier]).[ext]")],
      ],
      {
        onLine: (line) => {
          if (!line.includes("[SUCCESSFUL ]")) return;
          fetched++;
          progress(`${fetched} of ${wanted.length} files`);
        },
      },
    );
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
  await verify(folder, wanted);
}

/** @throws UserError when a file is missing, differs from the lock or is not in it */
async function verify(folder: string, wanted: readonly (readonly [string, string])[]): Promise<void> {
  const present = new Set(readdirSync(folder));
  for (const [file, sum] of wanted) {
    if (!present.delete(file)) throw new UserError(`${file} was not retrieved, though infra/versions/jars lists it.`);
    const hash = createHash("sha256");
    await pipeline(createReadStream(join(folder, file)), hash);
    const actual = hash.digest("hex");
    if (actual !== sum) {
      throw new UserError(
        `${file} has the sha256 ${actual}, but infra/versions/jars/artifacts.sha256 says ${sum}: it is not the file that was pinned.`,
      );
    }
  }
  const extra = [...present][0];
  if (extra) throw new UserError(`${extra} was retrieved, but infra/versions/jars/artifacts.sha256 does not list it.`);
}

/** Java reads no `HTTPS_PROXY`. */
function proxyFlags(env: NodeJS.ProcessEnv): string[] {
  const flags: string[] = [];
  for (const scheme of ["http", "https"]) {
    const value = env[`${scheme}_proxy`] || env[`${scheme.toUpperCase()}_PROXY`];
    if (!value) continue;
    const url = URL.parse(value.includes("://") ? value : `http://${value}`);
    if (!url)
      throw new UserError(`${scheme.toUpperCase()}_PROXY is "${value}": expected a URL such as http://proxy:3128.`);
    flags.push(`-D${scheme}.proxyHost=${url.hostname}`, `-D${scheme}.proxyPort=${url.port || "80"}`);
  }
  return flags;
}
