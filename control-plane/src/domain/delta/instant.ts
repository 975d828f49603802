/** Instants as text and as microseconds since 1970, the precision of Delta's timestamps; a JavaScript Date would cut them to milliseconds. */

const INSTANT = /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?([Zz]|[+-]\d{2}:\d{2})$/;

/** What an instant looks like, for messages. */
export const INSTANT_FORM =
  "an ISO-8601 instant with zone, of the years 0001 to 9998, such as 2026-11-21T00:05:00Z or 2026-11-21T01:05:00+01:00 (in a URL, + is written %2B)";

/** 0001-01-01T00:00:00Z to 9999-01-01T00:00:00Z, in microseconds since 1970. */
const EARLIEST = -62_135_596_800_000_000n;
const LATEST = 253_370_764_800_000_000n;

/**
 * Reads an instant that somebody asks for: like {@link parseInstant}, without the ends of the calendar, beyond which
 * rounding and zones would lead to years that neither this form nor Postgres has.
 */
export function readInstant(text: string): bigint | undefined {
  const micros = parseInstant(text);
  return micros === undefined || micros < EARLIEST || micros >= LATEST ? undefined : micros;
}

/**
 * Reads an ISO-8601 instant; the zone is required, seconds are optional, digits beyond microseconds are cut.
 * @returns microseconds since 1970-01-01T00:00:00Z, or undefined when the text is not an instant of a real date
 */
export function parseInstant(text: string): bigint | undefined {
  const match = INSTANT.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const sameDay = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  if (!sameDay || hour > 23 || minute > 59 || second > 59) return undefined;
  const offset = offsetMinutes(match[8] as string);
  if (offset === undefined) return undefined;
  const seconds = date.getTime() / 1000 + hour * 3600 + (minute - offset) * 60 + second;
  const micros = (match[7] ?? "").slice(0, 6).padEnd(6, "0");
  return BigInt(seconds) * 1_000_000n + BigInt(micros);
}

function offsetMinutes(zone: string): number | undefined {
  if (zone.toUpperCase() === "Z") return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(4, 6));
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith("-") ? -1 : 1) * (hours * 60 + minutes);
}

/**
 * Writes an instant as ISO-8601 UTC with `Z` and no more digits than it needs: none for whole seconds, else three or six
 * (`2026-11-21T00:05:00Z`, `….123Z`, `….123456Z`).
 * @param micros microseconds since 1970-01-01T00:00:00Z
 */
export function formatInstant(micros: bigint): string {
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = new Date(Number((micros - fraction) / 1000n)).toISOString().replace(/\.000Z$/, "");
  if (fraction === 0n) return `${seconds}Z`;
  const digits = fraction.toString().padStart(6, "0");
  return `${seconds}.${digits.endsWith("000") ? digits.slice(0, 3) : digits}Z`;
}
