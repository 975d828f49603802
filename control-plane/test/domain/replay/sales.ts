import { DEFAULT_RESTART, type JobSpec } from "../../../src/domain/specs/job-spec.ts";

function job(kind: string, reads: string[], writes: string[]): JobSpec {
  const common = { application: "sales", triggerMs: 0, limits: {}, options: {}, drainTimeoutMs: 30_000 };
  return { kind, reads, writes, restart: DEFAULT_RESTART, ...common };
}

/** The jobs of the sales pipeline, as replays see them. */
export const JOBS: Record<string, JobSpec> = {
  "sales.bronze": job("bronze", [], ["bronze.sales_events"]),
  "sales.silver": job("silver", ["bronze.sales_events"], ["silver.sales_events"]),
  "sales.gold": job("gold", ["silver.sales_events"], ["gold.revenue_5m_updates", "gold.revenue_5m"]),
  "sales.dq": job("dq", ["silver.sales_events"], ["dq.revenue_5m.metrics", "dq.revenue_5m.samples"]),
};
