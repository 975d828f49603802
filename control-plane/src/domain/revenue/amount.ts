/** Amounts are texts with two digits outside and whole cents inside: sums outgrow a double after 90 trillion. */

/** @param text as DuckDB writes a decimal of scale two: `-7.35` */
export function toCents(text: string): bigint {
  return BigInt(text.replace(".", ""));
}

export function fromCents(cents: bigint): string {
  const digits = (cents < 0n ? -cents : cents).toString().padStart(3, "0");
  return `${cents < 0n ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
