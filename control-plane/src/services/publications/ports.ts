import type { OutgoingRecord } from "../../domain/publications/outgoing-record.ts";
import type { AuditEntry } from "../rows.ts";
import type { SnapshotSet } from "../snapshots.ts";

/** Where a publication stands: kept in Kafka, in the same transaction as the records themselves. */
export interface Mark {
  /** of the table whose rows are sent; another one begins anew */
  generation: number;
  /** records sent of it since it was begun */
  published: bigint;
  /** the feed's own; JSON */
  position: unknown;
  /** records ever sent to the topic */
  total: bigint;
}

/** What the topic is like, as long as a session lasts. */
export interface SessionTopic {
  partitions: number;
  maxMessageBytes: number;
}

/** The one publisher of a publication. Whatever fails, it is to be closed, and another one opened: that knows what came to be. */
export interface PublicationSession {
  readonly topic: SessionTopic;
  /** What is saved; null when there is nothing. */
  mark(): Promise<Mark | null>;
  /** Whether the topic never held a record. */
  isEmpty(): Promise<boolean>;
  /** Sends records and saves the mark, all or nothing. */
  publish(records: OutgoingRecord[], mark: Mark): Promise<void>;
  /** @throws when the topic is not there any more, or not the one that the session was opened for */
  check(): Promise<void>;
  close(): Promise<void>;
}

export interface PublicationLink {
  /**
   * Takes over as the only publisher of this id: what another one has under way is aborted and can never be committed.
   * @param id also names what is saved
   * @throws Problem `dependency_unavailable`; PublicationTopicMissing
   */
  open(id: string, topic: string): Promise<PublicationSession>;
}

/** The topic of a publication does not exist. */
export class PublicationTopicMissing extends Error {
  override name = "PublicationTopicMissing";
}

/** What a page may hold at most; one record always fits. */
export interface PageLimits {
  records: number;
  bytes: number;
}

/** What is known when rows of one version of a table are turned into records. */
export interface PageRequest {
  set: SnapshotSet;
  /** of the table's rows */
  generation: number;
  /** as a page before gave it; null to begin */
  position: unknown;
  topic: SessionTopic;
  limits: PageLimits;
}

export interface Page {
  records: OutgoingRecord[];
  /** after these records */
  position: unknown;
  /** rows that were to be sent before this page, counted anew */
  passed: bigint;
  /** rows that are to be sent after this page */
  waiting: bigint;
}

/** Turns rows of a table into records, in an order that never changes, page by page. */
export interface Feed {
  readonly table: string;
  /** @returns null while the table does not exist */
  page(request: PageRequest): Promise<Page | null>;
}

/** What a publisher found when it last looked. */
export interface PublicationStatus {
  generation: number | null;
  position: unknown;
  published: bigint;
  waiting: bigint;
  /** rows up to the position that were never sent; below 0: more was sent than there are rows. 0 unless something is wrong */
  unaccounted: bigint;
  lastPublishedAt: Date | null;
  error: string | null;
  errorSince: Date | null;
  checkedAt: Date;
}

export interface PublicationRow {
  name: string;
  pausedAt: Date | null;
  pausedBy: string | null;
  /** null: nobody has looked at it yet */
  status: PublicationStatus | null;
}

export interface PublicationStore {
  list(pipeline: string): Promise<PublicationRow[]>;
  find(pipeline: string, name: string): Promise<PublicationRow | null>;
  saveStatus(pipeline: string, name: string, status: PublicationStatus): Promise<void>;
  /** Saves it with the audit entry in one transaction; does nothing when it is so already. */
  setPaused(pipeline: string, name: string, paused: boolean, audit: AuditEntry): Promise<void>;
}
