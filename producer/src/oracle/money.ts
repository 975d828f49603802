/** The first number of cents that decimal(18,2) cannot hold. */
const LIMIT = 10n ** 18n;
/** A decimal, or the shortest form of a double. */
const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/;

/**
 * Rounds an amount to cents, half away from zero; a double on its shortest decimal form: 1.005 is one cent more than 1.00,
 * although the double lies below. A text has as many digits as it says.
 * @returns cents, or undefined for NaN, infinities and what decimal(18,2) cannot hold
 */
export function toCents(amount: number | string): bigint | undefined {
  const match = DECIMAL.exec(String(amount));
  if (match === null) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  const digits = BigInt(whole + fraction);
  const shift = Number(exponent) - fraction.length + 2;
  const cents = shift >= 0 ? digits * 10n ** BigInt(shift) : divideHalfUp(digits, 10n ** BigInt(-shift));
  if (cents >= LIMIT) return undefined;
  return sign === "-" ? -cents : cents;
}

/** Writes cents as a decimal with two places: -1999n → `-19.99`. */
export function formatCents(cents: bigint): string {
  const digits = (cents < 0n ? -cents : cents).toString().padStart(3, "0");
  return `${cents < 0n ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/**
 * Reads a decimal with at most two places, as the REST API writes money.
 * @returns cents, or undefined when it is something else
 */
export function parseCents(text: string): bigint | undefined {
  const match = /^(-?)(\d+)(?:\.(\d{1,2}))?$/.exec(text);
  if (match === null) return undefined;
  const cents = BigInt(`${match[2]}${(match[3] ?? "").padEnd(2, "0")}`);
  return match[1] === "-" ? -cents : cents;
}

function divideHalfUp(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  return (dividend % divisor) * 2n >= divisor ? quotient + 1n : quotient;
}
