import { setTimeout as sleep } from "node:timers/promises";
import type { Snapshot } from "../../domain/delta/snapshot.ts";
import type { Snapshots } from "../snapshots.ts";
import type {
  Feed,
  Mark,
  Page,
  PageLimits,
  PublicationLink,
  PublicationRow,
  PublicationSession,
  PublicationStatus,
} from "./ports.ts";
import { PublicationReport, type ReportParts } from "./report.ts";

export interface PublisherParts extends ReportParts {
  feed: Feed;
  snapshots: Snapshots;
  link: PublicationLink;
  limits?: PageLimits;
}

/** What a page holds at most; it is in memory twice for a moment. */
const LIMITS: PageLimits = { records: 500, bytes: 1024 * 1024 };
const POLL_MS = 1_000;
/** How often it looks whether the topic still is the one that it knows. */
const CHECK_MS = 10_000;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;
const LONGEST_STOP_MS = 3_000;

/** What a look at the table found: the next page, with where it comes from. */
interface Found {
  generation: number;
  /** the table's; undefined while there is none */
  files: Snapshot["files"] | undefined;
  before: Mark;
  page: Page | null;
}

/**
 * Sends the rows of one table on to one topic, page by page: what is read, sent and marked as sent is one transaction. Only the control plane
 * that leads runs it; should two do so, the transactional id lets only the newer one commit.
 */
export class Publisher {
  private readonly parts: PublisherParts;
  private readonly report: PublicationReport;
  private session: PublicationSession | null = null;
  /** the last look, where it led to nothing being sent: as long as the table has the same files it need not be looked at again */
  private quiet: Found | null = null;
  private checkedTopicAt = 0;
  private running: AbortController | null = null;
  /** until the loop that was started last has ended: a new one waits for it */
  private done: Promise<void> = Promise.resolve();

  constructor(parts: PublisherParts) {
    this.parts = parts;
    this.report = new PublicationReport(parts);
  }

  start(): void {
    if (this.running !== null) return;
    const running = new AbortController();
    this.running = running;
    this.done = this.done.then(() => this.run(running.signal));
  }

  /** A page that is under way is finished, unless Kafka hangs: then nobody knows, and the next publisher finds out. */
  async stop(): Promise<void> {
    if (this.running === null) return;
    this.running.abort();
    this.running = null;
    await Promise.race([this.done, sleep(LONGEST_STOP_MS, undefined, { ref: false })]);
    await this.leave();
  }

  private async run(signal: AbortSignal): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    this.report.begin();
    while (!signal.aborted) {
      let waitMs = POLL_MS;
      try {
        if (await this.pass()) waitMs = 0;
        retryMs = FIRST_RETRY_MS;
      } catch (error) {
        await this.report.failed(error);
        waitMs = retryMs;
        retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
      }
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    }
    await this.leave();
  }

  /** Sends the next page. @returns whether there is more to send */
  async pass(): Promise<boolean> {
    const { pipeline, name, store } = this.parts;
    const row = await store.find(pipeline, name);
    this.report.goOnFrom(row?.status ?? null);
    // Found and sent with one session: what another one finds may not be where this one stands.
    return this.opened(async (session) => this.send(session, await this.find(session, row), row?.pausedAt != null));
  }

  private async send(session: PublicationSession, found: Found, isPaused: boolean): Promise<boolean> {
    const { generation, before, page } = found;
    if (page === null) {
      await this.report.nothing(generation);
      return false;
    }
    const { published } = before;
    const looked = { generation, unaccounted: page.passed - published, error: null, errorSince: null };
    if (page.records.length === 0 || isPaused) {
      const waiting = page.waiting + BigInt(page.records.length);
      const position = page.records.length === 0 ? page.position : before.position;
      this.quiet = { ...found, page: { ...page, records: [], position, waiting } };
      await this.report.tell({ ...looked, position, published, waiting });
      return false;
    }
    const sent = BigInt(page.records.length);
    const mark = { generation, position: page.position, published: published + sent, total: before.total + sent };
    this.quiet = null;
    await session.publish(page.records, mark);
    const { position } = mark;
    const lastPublishedAt = this.parts.clock.now();
    await this.report.tell({ ...looked, position, published: mark.published, waiting: page.waiting, lastPublishedAt });
    return page.waiting > 0n;
  }

  private find(session: PublicationSession, row: PublicationRow | null): Promise<Found> {
    const { feed, snapshots, limits = LIMITS } = this.parts;
    return snapshots.read([feed.table], async (set) => {
      const generation = set.generationOf(feed.table);
      await this.checkTopic(session);
      const before = await this.markOf(session, generation, row?.status ?? null);
      const files = set.snapshot(feed.table)?.files;
      if (this.isKnown(generation, files, row)) return this.quiet as Found;
      const { position } = before;
      const page = await feed.page({ set, generation, position, topic: session.topic, limits });
      return { generation, files, before, page };
    });
  }

  /** Whether the last look at the same files still holds. */
  private isKnown(generation: number, files: Found["files"], row: PublicationRow | null): boolean {
    const { quiet } = this;
    if (quiet === null || quiet.generation !== generation || quiet.files !== files) return false;
    return quiet.page?.waiting === 0n || row?.pausedAt != null;
  }

  /**
   * Where it stands with this generation, by Kafka's word. Kafka forgets groups that were not heard of for long: where it knows nothing, and the
   * topic holds records, what was last seen holds. Rows of another generation, also of an older one that is live again, are sent from the
   * beginning: only so is the last record of a key always the one that counts.
   */
  private async markOf(session: PublicationSession, generation: number, seen: PublicationStatus | null): Promise<Mark> {
    const mark = (await session.mark()) ?? (await this.seenMark(session, generation, seen));
    if (mark?.generation === generation) return mark;
    return { generation, published: 0n, position: null, total: mark?.total ?? 0n };
  }

  private async seenMark(session: PublicationSession, generation: number, seen: PublicationStatus | null) {
    if (seen === null || seen.generation === null || seen.published === 0n) return null;
    if (!(await session.isEmpty())) {
      return { generation: seen.generation, published: seen.published, position: seen.position, total: seen.published };
    }
    // A new topic. What was seen of the old one is forgotten before anything is sent: a topic with a record, or with
    // an aborted one, no longer tells that it is new.
    await this.report.nothing(generation);
    return null;
  }

  private async checkTopic(session: PublicationSession): Promise<void> {
    const now = this.parts.clock.now().getTime();
    if (now - this.checkedTopicAt < CHECK_MS) return;
    await session.check();
    this.checkedTopicAt = now;
  }

  /** Works with the session; one that was used when something failed is not used again. */
  private async opened<T>(work: (session: PublicationSession) => Promise<T>): Promise<T> {
    const { link, pipeline, name, topic } = this.parts;
    try {
      if (this.session === null) {
        this.session = await link.open(`penstock.${pipeline}.${name}`, topic);
        this.checkedTopicAt = this.parts.clock.now().getTime();
      }
      return await work(this.session);
    } catch (error) {
      await this.leave();
      throw error;
    }
  }

  private async leave(): Promise<void> {
    const session = this.session;
    this.session = null;
    this.quiet = null;
    await session?.close();
  }
}
