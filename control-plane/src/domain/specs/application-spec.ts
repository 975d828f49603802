import type { StrictReader } from "../strict-reader.ts";
import { refusalOf } from "./spark-setting.ts";

/** The size of a Spark application and how it is set up. */
export interface ApplicationSpec {
  /** cores of all its executors together; its driver takes one more */
  cores: number;
  /** JVM sizes such as `800m` */
  driverMemory: string;
  executorMemory: string;
  shufflePartitions: number;
  /** further Spark settings by name */
  settings: Record<string, string>;
}

const MEMORY = /^[1-9][0-9]{0,6}[mg]$/;
/** Spark refuses to start with less than 450 MiB of heap as the JVM counts it, which is a little below -Xmx. */
export const LEAST_MEMORY_MB = 512;
const MOST = { cores: 10_000, shufflePartitions: 10_000, settingLength: 1_000 };

/** Reads the fields of an application spec; what is wrong becomes complaints of the reader. */
export function readApplicationSpec(entry: StrictReader): ApplicationSpec {
  return {
    cores: entry.wholeNumber("cores", 1, MOST.cores),
    driverMemory: readMemory(entry, "driverMemory"),
    executorMemory: readMemory(entry, "executorMemory"),
    shufflePartitions: entry.wholeNumber("shufflePartitions", 1, MOST.shufflePartitions),
    settings: entry.has("settings") ? readSettings(entry.map("settings")) : {},
  };
}

/** @param size such as `800m` or `2g`, checked before */
export function memoryMb(size: string): number {
  return Number(size.slice(0, -1)) * (size.endsWith("g") ? 1024 : 1);
}

function readMemory(entry: StrictReader, key: string): string {
  const size = entry.text(key, MEMORY, "a JVM memory size such as 800m or 2g");
  if (size !== "" && memoryMb(size) < LEAST_MEMORY_MB) {
    entry.complain(key, size, `at least ${LEAST_MEMORY_MB}m: Spark does not start with less`);
  }
  return size;
}

function readSettings(map: StrictReader): Record<string, string> {
  return Object.fromEntries(
    map.keys().map((name) => {
      const value = map.text(name, /^[^\p{Cc}]+$/u, "a text without line breaks");
      if (value.length > MOST.settingLength) map.complain(name, undefined, `at most ${MOST.settingLength} characters`);
      const refusal = refusalOf(name, value);
      // The value stays out of the answer: it may be a secret.
      if (refusal !== null) map.complain(name, undefined, refusal);
      return [name, value];
    }),
  );
}
