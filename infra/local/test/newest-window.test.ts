import { describe, expect, it } from "vitest";
import type { RevenueItem } from "../src/control-plane-client.ts";
import { newestWindow } from "../src/newest-window.ts";

function row(start: string, currency: string, revenue: string, count = 1): RevenueItem {
  const end = new Date(Date.parse(start) + 300_000).toISOString();
  return {
    window_start: start,
    window_end: end,
    plan_tier: "pro",
    region: "EU",
    currency,
    revenue,
    event_count: count,
    status: "provisional",
  };
}

describe("newest window", () => {
  it("adds up to the cent within a currency and never across", () => {
    const lines = newestWindow([
      row("2026-11-21T10:00:00.000Z", "USD", "9999.99"),
      row("2026-11-21T10:05:00.000Z", "USD", "90071992547409.93", 2),
      row("2026-11-21T10:05:00.000Z", "USD", "-0.5"),
      row("2026-11-21T10:05:00.000Z", "EUR", "-49.01"),
    ]);
    expect(lines).toEqual([
      "10:05-10:10 UTC provisional: -49.01 EUR from 1 events",
      "10:05-10:10 UTC provisional: 90071992547409.43 USD from 3 events",
    ]);
  });

  it("is nothing as long as there is no window", () => {
    expect(newestWindow([])).toEqual([]);
  });
});
