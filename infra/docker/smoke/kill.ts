import { waitFor } from "../../../test/stack/wait-for.ts";
import type { Compose } from "./compose.ts";

/** A line of `docker compose ps --format json`. */
interface Listed {
  ID: string;
  State: string;
  Health: string;
}

/**
 * Kills every process in the container of a service, as a crash would: `docker kill` would count as a person's wish, after
 * which no restart policy applies. Waits until it was started again and is healthy.
 */
export async function killContainer(
  compose: Compose,
  service: string,
  wait: { timeout: number; signal: AbortSignal },
): Promise<void> {
  const before = await startedAt(compose, service);
  // The first process cannot be killed from within, but it ends with the one that it stands before.
  await compose.ask("exec", "-T", service, "bash", "-c", "kill -9 -1").catch(() => undefined);
  await waitFor(
    async () => {
      const now = await startedAt(compose, service);
      const { State, Health } = await listed(compose, service);
      return (now !== before && Health === "healthy") || { pending: `${State} ${Health} since ${now}` };
    },
    { ...wait, what: `${service} to be healthy again`, interval: 1_000 },
  );
}

async function startedAt(compose: Compose, service: string): Promise<string> {
  const { ID } = await listed(compose, service);
  return (await compose.engine("inspect", "--format", "{{.State.StartedAt}}", ID)).trim();
}

async function listed(compose: Compose, service: string): Promise<Listed> {
  const text = await compose.ask("ps", "--all", "--format", "json", service);
  // One object a line, or one list, as the version of Compose has it.
  const [first] = [JSON.parse(text.trim().startsWith("[") ? text : (text.trim().split("\n")[0] ?? "{}"))].flat();
  return first as Listed;
}
