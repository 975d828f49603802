import type { RestClient } from "./rest-client.ts";

/** A submission of a Spark application; times are ISO-8601. */
export interface Launch {
  id: string;
  /** its driver's first call */
  adoptedAt: string | null;
  lastSyncAt: string | null;
  endedAt: string | null;
  endReason: string | null;
}

/** Every submission of every application, newest first. */
export async function allLaunches(rest: RestClient): Promise<Launch[]> {
  const { items } = await rest.get<{ items: { launches: Launch[] }[] }>("/v1/applications");
  return items.flatMap(({ launches }) => launches);
}

/** The submission whose driver has called, and has not ended; null while there is none. */
export async function livingLaunch(rest: RestClient): Promise<(Launch & { adoptedAt: string }) | null> {
  const living = (await allLaunches(rest)).find(({ endedAt }) => endedAt === null);
  return living?.adoptedAt ? { ...living, adoptedAt: living.adoptedAt } : null;
}
