import { ELSEWHERE, given } from "../../local/src/elsewhere.ts";
import { METRICS_TOKEN_FILE } from "./secrets.ts";

/** What a program in a container is told beside what the launcher tells it on one machine. */
export function containerEnvironment(
  service: string,
  env: NodeJS.ProcessEnv,
  port: number,
): Readonly<Record<string, string>> {
  const own: Record<string, string> =
    service === "control-plane"
      ? {
          PENSTOCK_RUNNER_URL: `http://control-plane:${port}`,
          PENSTOCK_DRIVERS: "containers",
          PENSTOCK_METRICS_TOKEN_FILE: METRICS_TOKEN_FILE,
        }
      : {};
  // Services that are elsewhere, by the same settings.
  return { ...own, ...given(env, [...ELSEWHERE, "PENSTOCK_DRIVERS"]) };
}
