/** What the journal can tell; clients filter by these names, so they stay. */
export const EVENT_TYPES = [
  "job.state",
  "run.opened",
  "run.closed",
  "batch.committed",
  "operation.step",
  "operation.ended",
  "application.phase",
  "launch.recorded",
  "launch.submitted",
  "launch.adopted",
  "launch.ended",
  "spec.changed",
  "override.created",
  "override.applied",
  "override.refused",
  "replay.created",
  "replay.state",
  "replay.progress",
  "alert.fired",
  "alert.resolved",
  "service.changed",
] as const;

export type EventType = (typeof EVENT_TYPES)[number];

/** Something that happened, before the journal has given it an id. */
export interface NewEvent {
  type: EventType;
  /** ids of what it is about, the closest first: a job, an application, an operation, a launch */
  subjects: string[];
  data: Record<string, unknown>;
}

/** Something that happened. Ids grow in the order of the commits, with holes. */
export interface JournalEvent extends NewEvent {
  id: bigint;
  at: Date;
}

/** Which events; an empty list means all. */
export interface EventFilter {
  types: EventType[];
  subjects: string[];
}
