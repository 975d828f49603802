import type { RevenueItem } from "./control-plane-client.ts";

/** The newest window's revenue, a line per currency: money in different currencies is never added up. */
export function newestWindow(items: readonly RevenueItem[]): string[] {
  const newest =
    items
      .map(({ window_start }) => window_start)
      .sort()
      .at(-1) ?? "";
  const rows = items.filter(({ window_start }) => window_start === newest);
  const sums = new Map<string, { cents: bigint; events: number }>();
  for (const { currency, revenue, event_count } of rows) {
    const before = sums.get(currency) ?? { cents: 0n, events: 0 };
    sums.set(currency, { cents: before.cents + toCents(revenue), events: before.events + event_count });
  }
  return [...sums]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(
      ([currency, { cents, events }]) =>
        `${newest.slice(11, 16)}-${(rows[0]?.window_end ?? "").slice(11, 16)} UTC ${rows[0]?.status ?? ""}: ${fromCents(cents)} ${currency} from ${events} events`,
    );
}

function toCents(amount: string): bigint {
  const [, sign = "", whole = "0", fraction = ""] = /^(-?)(\d+)(?:\.(\d{1,2}))?$/.exec(amount) ?? [];
  return BigInt(`${sign}${whole}${fraction.padEnd(2, "0")}`);
}

function fromCents(cents: bigint): string {
  const digits = (cents < 0n ? -cents : cents).toString().padStart(3, "0");
  return `${cents < 0n ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
