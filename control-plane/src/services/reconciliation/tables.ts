import { METRICS } from "../../domain/dq/metrics-table.ts";

/** The tables that are reconciled, in the order in which rows travel. */
export const BRONZE = "bronze.sales_events";
export const SILVER = "silver.sales_events";
export const UPDATES = "gold.revenue_5m_updates";
export const FINAL = "gold.revenue_5m";
export const SAMPLES = "dq.revenue_5m.samples";
export const TABLES = [BRONZE, SILVER, UPDATES, FINAL, METRICS, SAMPLES] as const;

/** Tables to which each batch of their job makes a commit, one without rows too. */
export const EVERY_BATCH: readonly string[] = [BRONZE, SILVER, UPDATES];
