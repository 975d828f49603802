import type { FieldError } from "../problem.ts";

/** What revenue is told apart by, with the values of the event contract. Currencies are a dimension: they are never added up. */
export const DIMENSIONS = {
  plan_tier: ["free", "pro", "enterprise"],
  region: ["NA", "EU", "LATAM", "APAC"],
  currency: ["USD", "CAD", "EUR"],
} as const;

export type Dimension = keyof typeof DIMENSIONS;

/** Values to keep, per dimension; a dimension that is absent keeps all. */
export type Filters = Partial<Record<Dimension, string[]>>;

/**
 * Reads filters, each value of which may itself be a comma separated list.
 * @returns the filters, and a complaint for every value outside of its dimension
 */
export function readFilters(given: Partial<Record<Dimension, readonly string[] | undefined>>): {
  filters: Filters;
  errors: FieldError[];
} {
  const filters: Filters = {};
  const errors: FieldError[] = [];
  for (const dimension of Object.keys(DIMENSIONS) as Dimension[]) {
    const allowed: readonly string[] = DIMENSIONS[dimension];
    const values = given[dimension]?.flatMap((value) => value.split(","));
    for (const value of values ?? []) {
      if (!allowed.includes(value))
        errors.push({ field: dimension, value, expected: `one or more of ${allowed.join(", ")}` });
    }
    if (values !== undefined) filters[dimension] = [...new Set(values)];
  }
  return { filters, errors };
}
