import { loadSecrets } from "./secrets.ts";
import { controlPlaneUrl } from "./services/control-plane.ts";
import type { Settings } from "./settings.ts";

// What of the REST API (docs/contracts.md, section 6) the launcher shows.
export interface JobItem {
  readonly id: string;
  readonly state: string;
  readonly reason: string | null;
  readonly lag: { readonly records: string | null; readonly seconds: number | null } | null;
}

export interface RevenueItem {
  readonly window_start: string;
  readonly window_end: string;
  readonly plan_tier: string;
  readonly region: string;
  readonly currency: string;
  readonly revenue: string;
  readonly event_count: number;
  readonly status: string;
}

export interface RevenueAnswer {
  readonly items: readonly RevenueItem[];
  readonly snapshot: { readonly lowWatermark: string | null } | null;
}

export interface PartitionOffsets {
  readonly latest: string | null;
}

const ANSWER_WITHIN_MS = 3_000;

/** What a request of the launcher needs to be let in. */
function accessHeaders({ access, stateDir }: Pick<Settings, "access" | "stateDir">): Record<string, string> {
  return access === "open" ? {} : { authorization: `Bearer ${loadSecrets(stateDir).adminToken}` };
}

/** Asks the control plane; null when it does not answer, or answers with an error. */
export async function askControlPlane<Answer>(settings: Settings, path: string): Promise<Answer | null> {
  try {
    const answer = await fetch(`${controlPlaneUrl(settings)}${path}`, {
      headers: accessHeaders(settings),
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    const body = await answer.text();
    return answer.ok ? (JSON.parse(body) as Answer) : null;
  } catch {
    return null;
  }
}

/** Rows of revenue whose windows ended in the last hour, or lie ahead. */
export async function recentRevenue(settings: Settings): Promise<RevenueAnswer | null> {
  const from = new Date(Math.floor((Date.now() - 3_600_000) / 300_000) * 300_000).toISOString();
  return await askControlPlane<RevenueAnswer>(
    settings,
    `/v1/revenue/windows?from=${encodeURIComponent(from)}&limit=1000`,
  );
}
