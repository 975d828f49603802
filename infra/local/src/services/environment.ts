import { join } from "node:path";
import type { Settings } from "../settings.ts";

/** A small, clean environment: what a user exported in a shell must not decide how a service runs. */
export function cleanEnvironment(settings: Settings): Record<string, string> {
  const inherited = ["HOME", "USER", "LANG", "LC_ALL", "TMPDIR"].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(inherited),
    PATH: [join(settings.runtime.venv, "bin"), "/usr/local/bin", "/usr/bin", "/bin"].join(":"),
    TZ: "UTC",
    JAVA_HOME: settings.runtime.javaHome,
  };
}

/** Java's flags for a service with a small heap that has to start fast on a small machine. */
export function smallJvm(heap: string): string[] {
  return [
    `-Xmx${heap}`,
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xss512k",
    "-XX:+ExitOnOutOfMemoryError",
    "-Dfile.encoding=UTF-8",
  ];
}
