import { readFileSync } from "node:fs";

// What the kernel counts processor time in, on every system this runs on.
const TICKS_PER_SECOND = 100;

/** Seconds of processor time that a process has used, with those of its children that have ended; 0 when it is gone. */
export function processorSeconds(pid: number): number {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return 0;
  }
  // The command's name in brackets may hold spaces and brackets itself: fields count from the last bracket.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field] ?? 0), 0) / TICKS_PER_SECOND;
}
