const ISO_UTC = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00)$/;

/**
 * Reads an ISO-8601 UTC timestamp of the contract; digits beyond microseconds are cut.
 * @returns microseconds since 1970, or undefined when the text is not a timestamp of a real date
 */
export function parseTimestamp(text: string): bigint | undefined {
  const match = ISO_UTC.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  if (year < 1000 || hour > 23 || minute > 59 || second > 59) return undefined;
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  // Date.UTC rolls the 31st of April over into May.
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  const micros = (match[7] ?? "").slice(0, 6).padEnd(6, "0");
  return BigInt(date.getTime()) * 1000n + BigInt(micros);
}

/** Writes microseconds since 1970 as ISO-8601 UTC, with as many digits of the second as it has (none, or six). */
export function formatTimestamp(micros: bigint): string {
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = new Date(Number((micros - fraction) / 1000n)).toISOString().slice(0, 19);
  return fraction === 0n ? `${seconds}Z` : `${seconds}.${fraction.toString().padStart(6, "0")}Z`;
}
