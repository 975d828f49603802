import { Counter, Gauge, type Registry } from "@prometheus-io/client";
import type { PublicationRow } from "../services/publications/ports.ts";

/** Metrics of what is sent on to topics. */
export function publicationMetrics(registry: Registry): { tell(publications: PublicationRow[]): void } {
  const options = (name: string, help: string) => ({
    name: `penstock_publication_${name}`,
    help,
    labelNames: ["publication"] as const,
    registers: [registry],
  });
  const published = new Counter(options("records_total", "Records sent of the present generation of a table."));
  const lag = new Gauge(options("lag_rows", "Rows of a table that are to be sent."));
  const unaccounted = new Gauge(
    options("unaccounted_rows", "Rows up to the position that were never sent; 0 unless something is wrong."),
  );
  const failing = new Gauge(options("failing", "1 while something keeps a publication from going on."));
  const paused = new Gauge(options("paused", "1 while a publication is paused."));
  const all = [published, lag, unaccounted, failing, paused];
  return {
    tell(publications) {
      for (const metric of all) metric.reset();
      for (const { name: publication, pausedAt, status } of publications) {
        paused.set({ publication }, Number(pausedAt !== null));
        if (status === null) continue;
        published.inc({ publication }, Number(status.published));
        lag.set({ publication }, Number(status.waiting));
        unaccounted.set({ publication }, Number(status.unaccounted));
        failing.set({ publication }, Number(status.error !== null));
      }
    },
  };
}
