import type { Alerts } from "../alerts.ts";
import type { Log } from "../log.ts";
import type { Clock } from "../ports.ts";
import type { Feed, PublicationStatus, PublicationStore } from "./ports.ts";

export interface ReportParts {
  pipeline: string;
  /** of the publication */
  name: string;
  /** name of the topic */
  topic: string;
  feed: Pick<Feed, "table">;
  store: PublicationStore;
  alerts: Pick<Alerts, "observe">;
  clock: Clock;
  log: Log;
}

/** How often it is said that a publisher lives, when there is nothing else to say. */
const SAID_MS = 10_000;
/** What lasts must alarm; what a restart of Kafka mends must not. */
const ALARM_MS = 60_000;

const NOTHING: PublicationStatus = {
  generation: null,
  position: null,
  published: 0n,
  waiting: 0n,
  unaccounted: 0n,
  lastPublishedAt: null,
  error: null,
  errorSince: null,
  checkedAt: new Date(0),
};

/** Tells users how a publication is: the resource, the log, and the alert. */
export class PublicationReport {
  private readonly parts: ReportParts;
  private status: PublicationStatus = NOTHING;
  /** what was last said to whoever is alarmed; undefined: nothing yet */
  private alarmed: string | null | undefined;

  constructor(parts: ReportParts) {
    this.parts = parts;
  }

  /** Publishing begins: another control plane may have alarmed since this one did. */
  begin(): void {
    this.alarmed = undefined;
  }

  /** Takes over what another process has seen since. */
  goOnFrom(seen: PublicationStatus | null): void {
    if (seen !== null && seen.checkedAt > this.status.checkedAt) this.status = seen;
  }

  /** Nothing was sent of this generation. */
  nothing(generation: number): Promise<void> {
    return this.tell({ ...NOTHING, generation });
  }

  async failed(error: unknown): Promise<void> {
    const text = error instanceof Error ? error.message : String(error);
    const { log, clock, name } = this.parts;
    if (this.status.error !== text) log.warn({ publication: name, err: error }, "cannot publish, trying again");
    // Where Postgres is what is away, nobody can be told now; the next pass begins with it.
    await this.tell({ error: text, errorSince: this.status.errorSince ?? clock.now() }).catch(() => undefined);
  }

  /** Saves what is new, and now and then that it lives. */
  async tell(news: Partial<PublicationStatus>): Promise<void> {
    const { store, pipeline, name, clock, log } = this.parts;
    const now = clock.now();
    const status = { ...this.status, ...news };
    await this.alarm(status, now);
    if (isSame(this.status, status) && now.getTime() - this.status.checkedAt.getTime() < SAID_MS) return;
    await store.saveStatus(pipeline, name, { ...status, checkedAt: now });
    if (this.status.error !== null && status.error === null) log.info({ publication: name }, "publishes again");
    this.status = { ...status, checkedAt: now };
  }

  private async alarm(status: PublicationStatus, now: Date): Promise<void> {
    const { alerts, name, topic, feed } = this.parts;
    const lasting = lastingError(status, topic, now);
    const detail = lasting ?? disagreement(status, topic, feed.table);
    if (detail === this.alarmed) return;
    await alerts.observe({
      key: `publication:${name}`,
      severity: lasting === null ? "critical" : "warning",
      title: `Publication ${name} does not go on as it should`,
      detail: detail ?? `${feed.table} goes to ${topic}, and all that should be there is.`,
      subjects: [name],
      failing: detail !== null,
    });
    this.alarmed = detail;
  }
}

function lastingError({ error, errorSince }: PublicationStatus, topic: string, now: Date): string | null {
  if (error === null || errorSince === null || now.getTime() - errorSince.getTime() < ALARM_MS) return null;
  return `Nothing goes to ${topic} since ${errorSince.toISOString()}: ${error}`;
}

function disagreement({ unaccounted }: PublicationStatus, topic: string, table: string): string | null {
  if (unaccounted === 0n) return null;
  const which =
    unaccounted > 0n ? `${unaccounted} rows of ${table} were never sent` : `${-unaccounted} records too many`;
  return `${table} and ${topic} disagree up to the position: ${which}. The header penstock.id of the records names each row.`;
}

function isSame(one: PublicationStatus, other: PublicationStatus): boolean {
  const text = ({ checkedAt: _, ...status }: PublicationStatus) =>
    JSON.stringify(status, (_key, value) => (typeof value === "bigint" ? String(value) : value));
  return text(one) === text(other);
}
