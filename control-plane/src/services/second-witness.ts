import { disagreements, hasWitness } from "../domain/second-witness.ts";
import type { Alerts } from "./alerts.ts";
import type { Log } from "./log.ts";
import type { HeardEvent } from "./ports.ts";
import type { LedgerRow } from "./rows.ts";

interface WitnessParts {
  /** Finds what the first table of a job says of a batch. */
  entries: { batchEntry(job: string, generation: number, batch: number): Promise<LedgerRow | null> };
  alerts: Pick<Alerts, "observe">;
  log: Log;
}

/** Compares each batch that Spark tells of with its ledger entry, and alarms when they do not agree. */
export class SecondWitness {
  private readonly parts: WitnessParts;

  constructor(parts: WitnessParts) {
    this.parts = parts;
  }

  /** Looks at a report that has been saved. Never throws: what it could not compare, the reconciliation counts anew. */
  async hear(event: HeardEvent): Promise<void> {
    try {
      await this.#compare(event);
    } catch (error) {
      this.parts.log.warn({ err: error, job: event.about }, "cannot compare Spark's counts with the ledger");
    }
  }

  async #compare({ type, job, about, generation, data }: HeardEvent): Promise<void> {
    const durations = data.durationMs as Record<string, number> | undefined;
    // Progress comes without a batch, too, when a query has looked and found nothing.
    if (type !== "progress" || typeof data.batchId !== "number" || durations?.addBatch === undefined) return;
    const row = await this.parts.entries.batchEntry(job, generation, data.batchId);
    if (row === null || !hasWitness(row.table)) return;
    const found = disagreements(row.table, row.entry, data);
    // Also when it agreed before: another control plane may have alarmed since.
    await this.parts.alerts.observe({
      key: `ledger.witness:${about}`,
      severity: "warning",
      title: `${about}: Spark and the ledger do not agree`,
      detail:
        found.length === 0
          ? `batch ${row.batch}: all counts agree`
          : `batch ${row.batch} (version ${row.version} of ${row.table}): ${found.join("; ")}`,
      subjects: [about, row.table],
      failing: found.length > 0,
    });
  }
}
