// npm packages: installed when they are missing or do not match package-lock.json.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { waitForLock } from "./lock.mjs";

/**
 * Runs `npm install` if it has to be run. Throws an Error whose message is for the user.
 * @param {string} root the checkout
 * @param {string} runtimeDir
 */
export async function ensurePackages(root, runtimeDir) {
  const stamp = join(runtimeDir, "stamps", "npm");
  if (isCurrent(root, stamp)) return;
  const lock = await waitForLock(join(runtimeDir, "install.lock"), (pid) =>
    console.log(`Another install is running (pid ${pid}): waiting for it.`),
  );
  try {
    if (isCurrent(root, stamp)) return;
    if (!installedMatchesLock(root)) await npmInstall(root);
    mkdirSync(dirname(stamp), { recursive: true });
    writeFileSync(stamp, lockHash(root));
  } finally {
    lock.release();
  }
}

/** @param {string} root */
function lockHash(root) {
  return createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
}

/**
 * @param {string} root
 * @param {string} stamp
 */
function isCurrent(root, stamp) {
  return (
    existsSync(join(root, "node_modules", ".package-lock.json")) &&
    existsSync(stamp) &&
    readFileSync(stamp, "utf8") === lockHash(root)
  );
}

/**
 * Whoever ran `npm install` by hand has what the lock asks for, without our stamp: npm's own record says so.
 * @param {string} root
 */
function installedMatchesLock(root) {
  try {
    const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
    const installed = JSON.parse(readFileSync(join(root, "node_modules", ".package-lock.json"), "utf8")).packages;
    return Object.entries(wanted).every(([path, entry]) => {
      if (!path.startsWith("node_modules/") && !path.includes("/node_modules/")) return true;
      const present = installed[path];
      return present ? present.version === entry.version : Boolean(entry.optional || entry.devOptional);
    });
  } catch {
    return false;
  }
}

/** @param {string} root */
async function npmInstall(root) {
  const started = Date.now();
  const seconds = () => ((Date.now() - started) / 1000).toFixed(0);
  const live = process.stdout.isTTY;
  if (!live) console.log("npm packages: installing");
  const timer = setInterval(() => {
    if (live) process.stdout.write(`\r\x1b[Knpm packages: installing (${seconds()} s)`);
  }, 500);
  try {
    await new Promise((resolve, reject) => {
      // Not `npm ci`: it refuses a lock that lacks an optional package of another platform, which a registry's mirror
      // need not hold. Versions and checksums come from the lock either way; --no-save leaves it as it is.
      const child = spawn("npm", ["install", "--no-save", "--no-fund", "--no-audit", "--loglevel=error"], {
        cwd: root,
        stdio: ["ignore", "pipe", "pipe"],
      });
      let output = "";
      child.stdout.on("data", (chunk) => (output += chunk));
      child.stderr.on("data", (chunk) => (output += chunk));
      child.on("error", (error) =>
        reject(new Error(`npm does not run (${error.message}): install npm and run the command again.`)),
      );
      child.on("close", (code) =>
        code === 0
          ? resolve(undefined)
          : reject(
              new Error(
                `${output}\nnpm install failed with exit code ${code}: its output stands above. Check the network and run the command again.`,
              ),
            ),
      );
    });
  } finally {
    clearInterval(timer);
    if (live) process.stdout.write("\r\x1b[K");
  }
  console.log(`npm packages: installed in ${seconds()} s`);
}
