import type { Manifest } from "../../domain/manifest.ts";
import { Problem } from "../../domain/problem.ts";
import type { FeedKind } from "../../domain/publications/publication-spec.ts";
import type { Clock } from "../ports.ts";
import type { PublicationRow, PublicationStore } from "./ports.ts";

export const PUBLICATION_STATES = ["UP_TO_DATE", "PUBLISHING", "WAITING", "PAUSED", "UNKNOWN"] as const;
export type PublicationState = (typeof PUBLICATION_STATES)[number];

export interface PublicationAnswer {
  name: string;
  feed: FeedKind;
  topic: string;
  table: string;
  state: PublicationState;
  /** why it is in that state, where it is not as it should be */
  reason: string | null;
  /** of the table; null while there is none */
  generation: number | null;
  position: unknown;
  published: string;
  /** rows that are to be sent */
  lag: string;
  /** rows up to the position that were never sent; 0 unless something is wrong */
  unaccounted: string;
  lastPublishedAt: string | null;
  error: { text: string; since: string } | null;
  paused: { by: string; since: string } | null;
  checkedAt: string | null;
}

/** Who pauses or resumes. */
export interface PublicationAsked {
  by: string;
  requestId: string;
}

/** A publisher that lives says so more often than this. */
const SILENT_MS = 45_000;

/** What is sent on to topics, and how far; pauses it and lets it go on. */
export class Publications {
  private readonly manifest: Manifest;
  private readonly store: PublicationStore;
  private readonly clock: Clock;

  constructor({ manifest, store, clock }: { manifest: Manifest; store: PublicationStore; clock: Clock }) {
    this.manifest = manifest;
    this.store = store;
    this.clock = clock;
  }

  async list(): Promise<PublicationAnswer[]> {
    const rows = new Map((await this.store.list(this.manifest.name)).map((row) => [row.name, row]));
    return Object.keys(this.manifest.publications).map((name) => this.describe(name, rows.get(name)));
  }

  /** @throws Problem `unknown_publication` */
  async get(name: string): Promise<PublicationAnswer> {
    this.require(name);
    return this.describe(name, (await this.store.find(this.manifest.name, name)) ?? undefined);
  }

  /** Until it is resumed, also over restarts; what is under way is finished. @throws Problem `unknown_publication` */
  pause(name: string, asked: PublicationAsked): Promise<PublicationAnswer> {
    return this.setPaused(name, true, asked);
  }

  /** @throws Problem `unknown_publication` */
  resume(name: string, asked: PublicationAsked): Promise<PublicationAnswer> {
    return this.setPaused(name, false, asked);
  }

  private async setPaused(name: string, paused: boolean, asked: PublicationAsked): Promise<PublicationAnswer> {
    this.require(name);
    await this.store.setPaused(this.manifest.name, name, paused, {
      actor: asked.by,
      action: paused ? "publication.pause" : "publication.resume",
      target: name,
      requestId: asked.requestId,
      before: { paused: !paused },
      after: { paused },
    });
    return this.get(name);
  }

  private require(name: string): void {
    const known = Object.keys(this.manifest.publications);
    if (known.includes(name)) return;
    throw new Problem({
      status: 404,
      code: "unknown_publication",
      title: "No such publication",
      detail: `The pipeline declares no publication ${JSON.stringify(name)}.`,
      next: `Known publications: ${known.join(", ") || "none"}.`,
    });
  }

  private describe(name: string, row: PublicationRow | undefined): PublicationAnswer {
    const spec = this.manifest.publications[name];
    const topic = spec && this.manifest.topics[spec.topic];
    if (spec === undefined || topic === undefined) throw new Error(`the manifest has no publication ${name}`);
    const status = row?.status ?? null;
    return {
      name,
      feed: spec.feed,
      topic: topic.name,
      table: spec.table,
      ...this.stateOf(row),
      generation: status?.generation ?? null,
      position: status?.position ?? null,
      published: String(status?.published ?? 0n),
      lag: String(status?.waiting ?? 0n),
      unaccounted: String(status?.unaccounted ?? 0n),
      lastPublishedAt: status?.lastPublishedAt?.toISOString() ?? null,
      error: status?.error
        ? { text: status.error, since: (status.errorSince ?? status.checkedAt).toISOString() }
        : null,
      paused: row?.pausedAt ? { by: row.pausedBy ?? "local", since: row.pausedAt.toISOString() } : null,
      checkedAt: status?.checkedAt.toISOString() ?? null,
    };
  }

  private stateOf(row: PublicationRow | undefined): { state: PublicationState; reason: string | null } {
    const status = row?.status ?? null;
    if (row?.pausedAt) return { state: "PAUSED", reason: `paused by ${row.pausedBy} until it is resumed` };
    if (status === null) return { state: "UNKNOWN", reason: "no control plane has looked at it yet" };
    if (this.clock.now().getTime() - status.checkedAt.getTime() > SILENT_MS) {
      return { state: "UNKNOWN", reason: `nobody has looked at it since ${status.checkedAt.toISOString()}` };
    }
    if (status.error !== null) return { state: "WAITING", reason: status.error };
    return { state: status.waiting > 0n ? "PUBLISHING" : "UP_TO_DATE", reason: null };
  }
}
