/** States of an override: decided by people, applied or refused by the job that writes silver. */
export const OVERRIDE_STATES = ["pending", "applied", "refused"] as const;
export type OverrideState = (typeof OVERRIDE_STATES)[number];

/** Where a record is. `offset` is a text, for it may be beyond what a number holds. */
export interface RecordPlace {
  topic: string;
  partition: number;
  offset: string;
}

/** Fields of the event that an override replaces, by their names in the contract: all are texts but one. */
export const TEXT_FIELDS = [
  "event_id",
  "event_time",
  "ingest_time",
  "account_id",
  "event_type",
  "plan_tier",
  "region",
  "currency",
  "user_id",
  "source",
  "trace_id",
] as const;

/** Replaced fields; an amount is a text because a number would not be exact. */
export type ReplacedFields = Record<string, string | number>;

/** One that a job may have to apply, as its assignment has it. */
export interface AssignedOverride extends RecordPlace {
  number: number;
  set: ReplacedFields;
}

export function placeText({ topic, partition, offset }: RecordPlace): string {
  return `${topic}/${partition}/${offset}`;
}
