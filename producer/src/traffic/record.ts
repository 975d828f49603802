export const KINDS = [
  "plain",
  "refund",
  "late",
  "too late",
  "future",
  "odd",
  "duplicate",
  "undecodable",
  "invalid",
] as const;
export type Kind = (typeof KINDS)[number];

/** A record to be sent, and what it was made to be. */
export interface Produced {
  kind: Kind;
  /** which way of being that */
  variant?: string;
  key: string | Buffer | null;
  value: Buffer | null;
  /** chosen by the key where it is left out */
  partition?: number;
  /** milliseconds since 1970; the moment of sending where it is left out. A topic with LogAppendTime has its own. */
  timestampMs?: number;
  headers?: Record<string, Buffer | string | (Buffer | string)[]>;
}

/** Draws records one after the other. */
export interface RecordSource {
  /** @param now milliseconds since 1970: when a punctual event would happen */
  next(now: number): Produced;
}
