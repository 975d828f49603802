/** Sizes as people write them in settings and requests: `500MB`, `5GB`. */

const UNIT_BYTES = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 } as const;

/** The form as a regular expression, for JSON schemas. */
export const SIZE_PATTERN = "^[0-9]+(\\.[0-9]+)?(B|KB|MB|GB|TB)$";

/** @returns bytes, or undefined when the text is not a size */
export function parseSize(text: string): number | undefined {
  const match = /^([0-9]+(?:\.[0-9]+)?)(B|KB|MB|GB|TB)$/.exec(text);
  return match === null ? undefined : Number(match[1]) * UNIT_BYTES[match[2] as keyof typeof UNIT_BYTES];
}

/** Writes bytes in the largest unit that keeps them short: 512000000 → `512MB`. */
export function formatSize(bytes: number): string {
  for (const unit of ["TB", "GB", "MB", "KB"] as const) {
    if (bytes >= UNIT_BYTES[unit]) return `${Number((bytes / UNIT_BYTES[unit]).toFixed(1))}${unit}`;
  }
  return `${bytes}B`;
}
