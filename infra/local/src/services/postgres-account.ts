import { spawnSync } from "node:child_process";
import { chownSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Settings } from "../settings.ts";
import { UserError } from "../user-error.ts";
import type { Launch } from "./service.ts";

/** Who runs Postgres: it refuses to run as root. */
export interface PostgresAccount {
  /** The same command, run by that account. */
  wrap(launch: Launch): Launch;
  /** Gives a file or a folder with all in it to that account. */
  own(path: string): void;
  /** @throws UserError when the account cannot reach the binaries or the data */
  check(): void;
}

/** The present account, or an unprivileged one where that is root. */
export function postgresAccount(settings: Settings, data: string): PostgresAccount {
  if (process.getuid?.() !== 0) return { wrap: (launch) => launch, own: () => {}, check: () => {} };
  const { uid, gid } = nobody();
  const binary = join(settings.runtime.dir, "postgres", "bin", "postgres");
  // Decided once, and late: what it looks at does not exist before the first start.
  let prefix: readonly string[] | undefined;
  const switching = (): readonly string[] => (prefix ??= chooseSwitch(uid, gid, binary, data));
  return {
    wrap: (launch) => {
      const [program, ...args] = switching();
      return { ...launch, program: program ?? launch.program, args: [...args, launch.program, ...launch.args] };
    },
    own: (path) => own(path, uid, gid),
    check: () => void switching(),
  };
}

/**
 * Plain switching of the account needs every parent folder to be open to it. Where one is not (a checkout below a home
 * with mode 0700), the account gets the one capability of looking into folders, and nothing else of root's.
 */
function chooseSwitch(uid: number, gid: number, binary: string, data: string): readonly string[] {
  const plain = ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"];
  const variants = [
    [...plain, "--inh-caps=-all", "--"],
    [...plain, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", "--"],
    [...plain, "--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--"],
  ];
  for (const variant of variants) {
    const [program = "", ...args] = variant;
    const probe = spawnSync(
      program,
      [...args, "sh", "-c", '"$1" --version >/dev/null && cd "$2"', "sh", binary, data],
      { encoding: "utf8" },
    );
    if (probe.error) {
      throw new UserError(
        "Postgres does not run as root, and the program setpriv (package util-linux) that switches to another account is missing: install it, or run this as another user.",
      );
    }
    if (probe.status === 0) return variant;
  }
  const closed = [binary, data].map(closedParent).find(Boolean) ?? dirname(data);
  throw new UserError(
    `Postgres does not run as root, and the account with uid ${uid} that runs it instead cannot pass the folder ${closed}: ` +
      "run this as another user, or set PENSTOCK_HOME to a folder below one that is open to all, such as PENSTOCK_HOME=/var/tmp/penstock.",
  );
}

function closedParent(path: string): string | undefined {
  for (let folder = dirname(path); folder !== "/"; folder = dirname(folder)) {
    if ((lstatSync(folder).mode & 0o001) === 0) return folder;
  }
  return undefined;
}

function nobody(): { uid: number; gid: number } {
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((entry) => entry.startsWith("nobody:"));
  const [, , uid, gid] = line?.split(":") ?? [];
  return { uid: Number(uid ?? 65_534), gid: Number(gid ?? 65_534) };
}

function own(path: string, uid: number, gid: number): void {
  const status = lstatSync(path);
  if (status.uid !== uid || status.gid !== gid) chownSync(path, uid, gid);
  if (status.isDirectory()) for (const entry of readdirSync(path)) own(join(path, entry), uid, gid);
}
