/** Levels of compatibility that a subject can have, in the words of Confluent's API. */
export const COMPATIBILITIES = [
  "BACKWARD",
  "BACKWARD_TRANSITIVE",
  "FORWARD",
  "FORWARD_TRANSITIVE",
  "FULL",
  "FULL_TRANSITIVE",
  "NONE",
] as const;
export type Compatibility = (typeof COMPATIBILITIES)[number];

/** One comparison that a compatibility level asks for. */
export interface Comparison {
  version: number;
  /** `new reads old`: records of that version must be readable with the new schema; `old reads new`: the other way round */
  direction: "new reads old" | "old reads new";
}

/**
 * What a registry compares a new schema with, by the level of its subject.
 * @param level as in Confluent's API: NONE, BACKWARD, FORWARD or FULL, the last three also with _TRANSITIVE for all versions and not only the newest
 */
export function comparisons(level: string | null, versions: number[]): Comparison[] {
  const [kind, transitive] = (level ?? "NONE").split("_");
  const compared = transitive === undefined ? versions.slice(-1) : versions;
  return compared.flatMap((version): Comparison[] => [
    ...(kind === "BACKWARD" || kind === "FULL" ? [{ version, direction: "new reads old" as const }] : []),
    ...(kind === "FORWARD" || kind === "FULL" ? [{ version, direction: "old reads new" as const }] : []),
  ]);
}
