// A lock that a process holds by a file naming its pid and start ticks: a lock whose holder is dead, even by kill -9 and
// with its pid taken by another process since, counts for nothing. Plain JavaScript, because the bootstrap needs it, too.
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/**
 * @param {number} pid
 * @returns {string | null} when the process started, in clock ticks since boot; null when there is no such process
 */
export function startTicks(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The command's name in brackets may hold spaces and brackets itself: count fields from the last bracket.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? null : (fields[19] ?? null);
  } catch {
    return process.platform === "linux" ? null : aliveWithoutProc(pid);
  }
}

/** @param {number} pid */
function aliveWithoutProc(pid) {
  try {
    process.kill(pid, 0);
    return "0";
  } catch {
    return null;
  }
}

/**
 * @param {string} path
 * @returns {{ pid: number } | null} the living process that holds the lock
 */
export function lockHolder(path) {
  let text;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return null;
  }
  const [pid, ticks] = text.trim().split(" ");
  return startTicks(Number(pid)) === ticks ? { pid: Number(pid) } : null;
}

/**
 * Takes the lock, or answers who holds it. Free again when this process ends, however it ends.
 * @param {string} path
 * @returns {{ release: () => void } | { pid: number }}
 */
export function tryLock(path) {
  mkdirSync(dirname(path), { recursive: true });
  const mine = `${process.pid} ${startTicks(process.pid)}\n`;
  const draft = `${path}.${process.pid}`;
  for (;;) {
    writeFileSync(draft, mine);
    try {
      linkSync(draft, path);
      return { release: () => rmSync(path, { force: true }) };
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    } finally {
      rmSync(draft, { force: true });
    }
    const holder = lockHolder(path);
    if (holder) return holder;
    setAsideDeadLock(path);
  }
}

/** @param {string} path */
function setAsideDeadLock(path) {
  const aside = `${path}.dead.${process.pid}`;
  try {
    renameSync(path, aside);
    // Between reading and renaming another process may have taken the lock: then what was set aside is alive.
    if (lockHolder(aside)) linkSync(aside, path);
  } catch (error) {
    if (error.code !== "ENOENT" && error.code !== "EEXIST") throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

/**
 * Waits for the lock as long as its holder lives.
 * @param {string} path
 * @param {(pid: number) => void} onWait called once, when somebody else holds it
 */
export async function waitForLock(path, onWait) {
  let told = false;
  for (;;) {
    const result = tryLock(path);
    if ("release" in result) return result;
    if (!told) onWait(result.pid);
    told = true;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}
