import type { EventFilter, JournalEvent, NewEvent } from "../domain/event.ts";

/** What is in the journal after a position, seen at one moment. */
export interface JournalPage {
  /** oldest first */
  events: JournalEvent[];
  /** the highest id that is forgotten among those that the filter asks for; 0 when none is */
  forgotten: bigint;
  /** the newest id of all; 0 when nothing has happened yet */
  newest: bigint;
}

/** How many events are kept. */
export interface JournalBounds {
  batches: number;
  others: number;
}

/**
 * The durable record of what happened. Stores write most events themselves, in the transaction of the change that they
 * tell of; `record` is for what is not stored anywhere else.
 */
export interface Journal {
  record(event: NewEvent): Promise<void>;
  after(position: bigint, filter: EventFilter, limit: number): Promise<JournalPage>;
  /** newest first; `position` null begins with the newest */
  before(position: bigint | null, filter: EventFilter, limit: number): Promise<JournalEvent[]>;
  newest(): Promise<bigint>;
  prune(kept: JournalBounds): Promise<void>;
}
