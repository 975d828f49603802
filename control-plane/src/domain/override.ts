import { eventFields } from "./event-fields.ts";

/** States of an override: decided by people, applied or refused by the job that writes silver. */
export const OVERRIDE_STATES = ["pending", "applied", "refused"] as const;
export type OverrideState = (typeof OVERRIDE_STATES)[number];

/** Where a record is. `offset` is a text, for it may be beyond what a number holds. */
export interface RecordPlace {
  topic: string;
  partition: number;
  offset: string;
}

/** Fields of the event that an override replaces by a text, by their names in the contract; its numbers are the others. */
export const TEXT_FIELDS = eventFields("text", "time");

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
