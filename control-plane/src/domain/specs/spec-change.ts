import type { ApplicationSpec } from "./application-spec.ts";
import { type JobSpec, writeJobSpec } from "./job-spec.ts";

/** What a change of one field needs before it holds. */
export type Need = "nothing" | "restart" | "newGeneration";

/** One field that differs between two specs; null where it is absent. */
export interface SpecChange {
  /** such as `trigger` or `limits.maxFilesPerTrigger` */
  field: string;
  from: unknown;
  to: unknown;
  needs: Need;
  /** what else there is to know: why a field cannot be changed in this generation */
  note: string | null;
}

interface Rule {
  needs: Need;
  note?: string;
}

const RESTART: Rule = { needs: "restart" };

/** By field of a job spec; a map's rule holds for each of its entries. */
const JOB_RULES: Record<string, Rule> = {
  kind: {
    needs: "newGeneration",
    note: "another kind runs another query, and the checkpoint holds the offsets and the state of the present one",
  },
  reads: {
    needs: "newGeneration",
    note: "the checkpoint counts versions of the tables it was made with; those of another table mean something else",
  },
  writes: {
    needs: "newGeneration",
    note: "which batches are in is known from the tables written so far: in another table all earlier batches would be missing",
  },
  application: {
    needs: "restart",
    note: "its next run begins there once the present one has stopped; checkpoint and tables stay the same",
  },
  trigger: RESTART,
  limits: RESTART,
  options: RESTART,
  // The control plane itself goes by these.
  restart: { needs: "nothing" },
  drainTimeout: { needs: "nothing" },
};

/** What the checkpoint of a job that has run depends on. */
export const FIXED_JOB_FIELDS: (keyof JobSpec)[] = ["kind", "reads", "writes"];

/** By field of an application spec. */
const APPLICATION_RULES: Record<string, Rule> = {
  cores: RESTART,
  driverMemory: RESTART,
  executorMemory: RESTART,
  settings: RESTART,
  // Tried on Spark 4.1.3: from 2 to 5 and 3 between runs, the state stayed in 2 parts, nothing was lost.
  shufflePartitions: {
    needs: "restart",
    note: "state that exists stays split as its checkpoint began (Spark keeps that number in the offset log); all other shuffles follow",
  },
};

/** What changes from one job spec to the other, field by field, in the words of requests. */
export function jobChanges(before: JobSpec, after: JobSpec): SpecChange[] {
  return changes(writeJobSpec(before), writeJobSpec(after), JOB_RULES);
}

export function applicationChanges(before: ApplicationSpec, after: ApplicationSpec): SpecChange[] {
  return changes(before, after, APPLICATION_RULES);
}

/** Whether what was started with the old spec has to be restarted for these changes. */
export function needsRestart(found: SpecChange[]): boolean {
  return found.some((change) => change.needs !== "nothing");
}

function changes(before: object, after: object, rules: Record<string, Rule>): SpecChange[] {
  return Object.entries(rules).flatMap(([field, { needs, note }]) => {
    const [from, to] = [before, after].map((spec) => (spec as Record<string, unknown>)[field]);
    return entries(field, from, to)
      .filter((entry) => !sameValue(entry.from, entry.to))
      .map((entry) => ({ ...entry, needs, note: note ?? null }));
  });
}

function entries(field: string, from: unknown, to: unknown): { field: string; from: unknown; to: unknown }[] {
  if (!isMap(from) || !isMap(to)) return [{ field, from: from ?? null, to: to ?? null }];
  const names = [...new Set([...Object.keys(from), ...Object.keys(to)])];
  return names.map((name) => ({ field: `${field}.${name}`, from: from[name] ?? null, to: to[name] ?? null }));
}

/** Whether two JSON values say the same, whatever the order of keys. */
export function sameValue(one: unknown, other: unknown): boolean {
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((item, at) => sameValue(item, other[at]));
  }
  if (isMap(one) && isMap(other)) {
    const names = new Set([...Object.keys(one), ...Object.keys(other)]);
    return [...names].every((name) => sameValue(one[name], other[name]));
  }
  return one === other;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
