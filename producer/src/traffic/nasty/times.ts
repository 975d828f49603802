import { type Card, changing } from "./card.ts";

/** An ISO-8601 text with microseconds: `micros` from 0 to 999 behind the milliseconds. */
function iso(ms: number, micros = 0): string {
  return new Date(ms).toISOString().replace("Z", `${String(micros).padStart(3, "0")}Z`);
}

/** Cards about when an event happened, and when its record was written. */
export const TIME_CARDS: readonly Card[] = [
  changing("late", "up to the limit", ({ event, at }, { random, traffic }) => {
    event.event_time = iso(at - random.int(0, traffic.allowedLatenessMs));
  }),
  changing("late", "exactly at the limit", ({ event, at }, { traffic }) => {
    event.event_time = iso(at - traffic.allowedLatenessMs);
  }),
  changing("too late", "1 µs beyond the limit", ({ event, at }, { traffic }) => {
    event.event_time = iso(at - traffic.allowedLatenessMs - 1, 999);
  }),
  changing("too late", "1 ms beyond the limit", ({ event, at }, { traffic }) => {
    event.event_time = iso(at - traffic.allowedLatenessMs - 1);
  }),
  changing("too late", "year 1970", ({ event }) => {
    event.event_time = "1970-01-01T00:00:00Z";
  }),
  changing("too late", "year 1000", ({ event }) => {
    event.event_time = "1000-01-01T00:00:00.000001Z";
  }),
  changing("odd", "ahead, exactly at the limit", ({ event, at }, { traffic }) => {
    event.event_time = iso(at + traffic.allowedSkewMs);
  }),
  changing("future", "1 µs beyond the limit", ({ event, at }, { traffic }) => {
    event.event_time = iso(at + traffic.allowedSkewMs, 1);
  }),
  changing("future", "1 ms beyond the limit", ({ event, at }, { traffic }) => {
    event.event_time = iso(at + traffic.allowedSkewMs + 1);
  }),
  changing("future", "year 2099", ({ event }) => {
    event.event_time = "2099-01-01T00:00:00Z";
  }),
  changing("future", "year 9999", ({ event }) => {
    event.event_time = "9999-12-31T23:59:59.999999999Z";
  }),
  atBoundary("first microsecond of a window", (boundary) => iso(boundary)),
  atBoundary("second microsecond of a window", (boundary) => iso(boundary, 1)),
  atBoundary("last microsecond of a window", (boundary) => iso(boundary - 1, 999)),
  // Digits beyond microseconds are cut: rounded, it would be in the next window.
  atBoundary("last nanosecond of a window", (boundary) => iso(boundary - 1, 999).replace("Z", "999Z")),
];

/** The record is written at the boundary itself, so that the event is in time whatever the parameters are. */
function atBoundary(variant: string, timeAt: (boundary: number) => string): Card {
  return changing("odd", variant, (draft, { traffic }) => {
    const boundary = Math.floor(draft.at / traffic.windowMs) * traffic.windowMs;
    draft.at = boundary;
    draft.event.event_time = timeAt(boundary);
  });
}
