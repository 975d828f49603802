import { EVENT_TYPES, type EventFilter, type EventType, type JournalEvent } from "../domain/event.ts";
import { type FieldError, invalidRequest, Problem } from "../domain/problem.ts";
import type { Journal, JournalPage } from "./journal.ts";
import type { Log } from "./log.ts";

/** What a follower gets: an event, a warning that events are lost, or a sign of life with the position so far. */
export type FeedItem =
  | { kind: "event"; event: JournalEvent }
  | { kind: "gap"; after: bigint; through: bigint; reason: string }
  | { kind: "position"; id: bigint };

export interface FeedTimes {
  /** how often the journal is looked at while somebody follows */
  lookMs: number;
  heartbeatMs: number;
}

const TIMES: FeedTimes = { lookMs: 200, heartbeatMs: 15_000 };
const MOST_FOLLOWERS = 32;
const PAGE = 200;
/** How long the end waits for clients to take their last events. */
const CLOSE_MS = 1_000;

/**
 * Lets clients follow the journal. Each one reads the journal at its own pace, so nothing is kept for the slow ones,
 * and one look at the newest id serves all that have caught up.
 */
export class EventFeed {
  readonly times: FeedTimes;
  private readonly journal: Journal;
  private readonly log: Log;
  private readonly mostFollowers: number;
  private followers = 0;
  private newest = 0n;
  private news = Promise.withResolvers<void>();
  private timer: NodeJS.Timeout | null = null;
  private closed = false;
  private readonly empty = Promise.withResolvers<void>();
  private away = false;

  constructor(journal: Journal, log: Log, times = TIMES, mostFollowers = MOST_FOLLOWERS) {
    this.journal = journal;
    this.log = log;
    this.times = times;
    this.mostFollowers = mostFollowers;
  }

  /** How many clients follow now. */
  get following(): number {
    return this.followers;
  }

  /** newest first */
  history(filter: EventFilter, limit: number, before: bigint | null): Promise<JournalEvent[]> {
    return this.journal.before(before, filter, limit);
  }

  /**
   * Follows the journal: from what came after `position`, or from now on when it is null, until {@link close}.
   * @param signal aborted when the client is gone; until then it counts
   * @throws Problem `too_many_streams`; `dependency_unavailable` while Postgres is away
   */
  async follow(filter: EventFilter, position: bigint | null, signal: AbortSignal): Promise<AsyncGenerator<FeedItem>> {
    if (this.followers >= this.mostFollowers) throw this.refusal();
    this.followers += 1;
    if (signal.aborted) this.leave();
    else signal.addEventListener("abort", this.leave, { once: true });
    const newest = await this.journal.newest();
    if (this.timer === null) this.look();
    return this.items(filter, position ?? newest, signal);
  }

  /** Ends all streams; clients come back with the id of the last event that they got. */
  async close(): Promise<void> {
    this.closed = true;
    this.news.resolve();
    if (this.followers === 0) return;
    const tooLong = setTimeout(this.empty.resolve, CLOSE_MS);
    await this.empty.promise;
    clearTimeout(tooLong);
  }

  private readonly leave = (): void => {
    this.followers -= 1;
    if (this.followers === 0 && this.closed) this.empty.resolve();
  };

  private async *items(filter: EventFilter, from: bigint, signal: AbortSignal): AsyncGenerator<FeedItem> {
    const isOver = () => this.closed || signal.aborted;
    let position = from;
    let toldThrough = 0n;
    yield { kind: "position", id: position };
    while (!isOver()) {
      // Taken before the journal is read: what comes in between wakes us.
      const news = this.news.promise;
      const page = await this.read(position, filter);
      if (page !== null && position > page.newest) {
        const reason = "the journal does not know this id; it may have been started anew";
        yield { kind: "gap", after: position, through: page.newest, reason };
        position = page.newest;
      }
      if (page !== null && page.forgotten > position && page.forgotten > toldThrough) {
        const reason = "events this old are no longer kept, or not all of them";
        yield { kind: "gap", after: position, through: page.forgotten, reason };
        toldThrough = page.forgotten;
      }
      for (const event of page?.events ?? []) {
        yield { kind: "event", event };
        position = event.id;
      }
      if (page === null || page.events.length < PAGE) {
        if (page !== null && page.newest > position) position = page.newest;
        if (!isOver() && !(await this.wait(news, signal))) yield { kind: "position", id: position };
      }
    }
  }

  /** null while Postgres is away: the client need not know, it misses nothing */
  private async read(position: bigint, filter: EventFilter): Promise<JournalPage | null> {
    try {
      const page = await this.journal.after(position, filter, PAGE);
      this.away = false;
      return page;
    } catch (error) {
      if (!this.away) this.log.warn({ err: error }, "cannot read the journal for the event streams");
      this.away = true;
      return null;
    }
  }

  /** @returns false when a heartbeat is due before there is news */
  private async wait(news: Promise<void>, signal: AbortSignal): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(resolve, this.times.heartbeatMs, false);
    const wake = () => resolve(true);
    signal.addEventListener("abort", wake, { once: true });
    news.then(wake);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", wake);
    }
  }

  private readonly look = (): void => {
    this.timer = setTimeout(() => {
      if (this.followers === 0 || this.closed) {
        this.timer = null;
        return;
      }
      this.journal
        .newest()
        .then((newest) => {
          // Something else than before, not something more: a journal can be started anew.
          if (newest === this.newest && !this.away) return;
          this.newest = newest;
          this.news.resolve();
          this.news = Promise.withResolvers();
        })
        .catch(() => {
          this.away = true;
        })
        .finally(this.look);
    }, this.times.lookMs);
  };

  private refusal(): Problem {
    return new Problem({
      status: 503,
      code: "too_many_streams",
      title: "No more event streams",
      detail: `${this.mostFollowers} clients follow the events already.`,
      next: "Close a stream that nobody reads, or ask for GET /v1/events/history now and then.",
    });
  }
}

/**
 * Reads the filter of a request: lists with commas.
 * @throws Problem `invalid_request` for a type that does not exist
 */
export function readFilter(types: string | undefined, subjects: string | undefined): EventFilter {
  const wanted = listOf(types);
  const known: readonly string[] = EVENT_TYPES;
  const wrong = wanted.filter((type) => !known.includes(type));
  if (wrong.length > 0) {
    const error: FieldError = { field: "type", value: wrong.join(","), expected: `some of ${EVENT_TYPES.join(", ")}` };
    throw invalidRequest([error]);
  }
  return { types: wanted as EventType[], subjects: listOf(subjects) };
}

function listOf(text: string | undefined): string[] {
  return (text ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
