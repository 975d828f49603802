import { sameValue } from "./spec-change.ts";

/** What is kept of a spec: as it is now, and as the manifest last declared it. */
export interface Kept<S> {
  spec: S;
  declared: S;
}

export interface Merged<S> extends Kept<S> {
  /** fields that the manifest changed since it was last read */
  changed: string[];
  /** fields that the manifest changed and that cannot change in this generation: they stay */
  ignored: string[];
}

/**
 * Meets what was changed over the API with what the manifest says by now, field by field: what the manifest changed
 * since it was last read wins, everything else stays.
 * @param fixed fields that cannot change in this generation
 */
export function mergeDeclaration<S extends object>(kept: Kept<S>, manifest: S, fixed: (keyof S & string)[]): Merged<S> {
  const fields = (Object.keys(manifest) as (keyof S & string)[]).filter(
    (field) => !sameValue(manifest[field], kept.declared[field]),
  );
  const ignored = fields.filter((field) => fixed.includes(field) && !sameValue(manifest[field], kept.spec[field]));
  const taken = fields.filter((field) => !ignored.includes(field));
  const changed = taken.filter((field) => !sameValue(manifest[field], kept.spec[field]));
  const values = Object.fromEntries(taken.map((field) => [field, manifest[field]])) as Partial<S>;
  return { spec: { ...kept.spec, ...values }, declared: { ...kept.declared, ...values }, changed, ignored };
}
