import { describe, expect, it } from "vitest";
import { readSqlSettings } from "../../../src/domain/sql/settings.ts";

function read(env: Record<string, string>) {
  const complaints: string[] = [];
  return { settings: readSqlSettings(env, (name, expected) => complaints.push(`${name}: ${expected}`)), complaints };
}

describe("settings of SQL", () => {
  it("have standard values", () => {
    expect(read({})).toEqual({
      complaints: [],
      settings: {
        workers: 2,
        waiting: 8,
        limits: {
          standard: { rows: 10_000, bytes: 16_000_000, timeoutMs: 10_000, memoryBytes: 512_000_000 },
          most: { rows: 1_000_000, bytes: 64_000_000, timeoutMs: 60_000, memoryBytes: 512_000_000 },
        },
      },
    });
  });

  it("never give a query more than it could ask for", () => {
    const env = { PENSTOCK_SQL_MAX_ROWS: "100", PENSTOCK_SQL_MAX_BYTES: "1MB", PENSTOCK_SQL_MAX_TIMEOUT: "2s" };
    const { standard, most } = read(env).settings.limits;
    expect(standard).toEqual(most);
  });

  it.each([
    ["PENSTOCK_SQL_WORKERS", "0", "a number of processes, from 1"],
    ["PENSTOCK_SQL_WAITING", "many", "a number of statements, from 1"],
    ["PENSTOCK_SQL_ROWS", "1.5", "a number of rows"],
    ["PENSTOCK_SQL_BYTES", "16", "a size such as 500MB or 5GB"],
    ["PENSTOCK_SQL_MEMORY", "0MB", "a size such as 500MB or 5GB"],
    ["PENSTOCK_SQL_TIMEOUT", "10", "a duration such as 10s or 1m"],
  ])("that are wrong are named: %s=%s", (name, value, expected) => {
    expect(read({ [name]: value }).complaints).toEqual([`${name}: ${expected}`]);
  });
});
